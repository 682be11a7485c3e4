"""Encoders and decoders that several networks are built on."""
