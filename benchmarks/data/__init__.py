"""The pictures that benchmarks are run on."""
