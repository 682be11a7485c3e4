"""Measurements. Every module directly in this folder, and every package with a `__main__`, is a command:

    python -m benchmarks.suite

The folders `data` (pictures) and `measuring` are used by several commands; `results` has the records of releases.
"""
