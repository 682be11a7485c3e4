"""From a Laplacian and constraints to a matte."""
