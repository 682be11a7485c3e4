"""A watcher of a folder that reads every picture again and again while others write there."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

from PIL import Image


@dataclass
class Seen:
    """How many files were read, and which of them were not whole."""

    files: int = 0
    damaged: list = field(default_factory=list)


@contextmanager
def watching(folder):
    seen, stop = Seen(), threading.Event()

    def watch():
        while not stop.is_set():
            for path in list(folder.glob("[!.]*.png")):
                try:
                    with Image.open(path) as image:
                        image.load()
                except FileNotFoundError:
                    continue
                except Exception as error:
                    seen.damaged.append((path.name, repr(error)))
                seen.files += 1
            stop.wait(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
