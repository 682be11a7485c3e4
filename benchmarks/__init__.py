"""Measurements. What lies directly in here, a module or a package with a `__main__`, is a command:

    python -m benchmarks.suite

The folders `data` (pictures) and `measuring` hold what the commands share, `results` the records of releases.
"""
