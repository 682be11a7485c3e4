"""What jobs cost beside the mattes: `__main__` is the command, `empty` a job without mattes."""
