"""The pictures for benchmarks."""
