"""Measurements, each a module to run: `python -m benchmarks.closed_form`."""

# Chooses numba's threading layer before PyMatting does, whose kernels start one when they are imported.
import propmat._cpu as _cpu  # noqa: F401
