"""Measures of the structure of source code, by static analysis; `__main__` is the command, `measures` the measures."""
