"""Random inputs for every reader and every family of problems; `python -m tests.fuzz --help`.

A target takes bytes. Targets of files take the file; targets of problems read their choices from the bytes, so that
one mutator, one runner and one kind of record serve all, and so does atheris where it is installed.

No module that is imported before the targets may import propmat: atheris has to see its imports.
"""
