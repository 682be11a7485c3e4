"""Foregrounds with known mattes, rendered with Blender's Cycles. Not a part of the package propmat."""
