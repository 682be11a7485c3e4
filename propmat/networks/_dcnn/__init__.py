"""DCNN matting: a small network that merges a local and a non-local matte of the same image."""
