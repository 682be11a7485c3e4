"""The structure of source code: `__main__` is the command, `measures` what it prints; nothing is imported or run."""
