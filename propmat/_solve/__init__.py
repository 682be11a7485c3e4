"""Solving for a matte, given a Laplacian and constraints."""
