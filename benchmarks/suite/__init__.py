"""Every method on every picture: `__main__` is the command, `run` starts its processes, `worker` is one of these."""
