"""Every method on every picture: `__main__` is the command, `run` its processes, `worker` one of them."""
