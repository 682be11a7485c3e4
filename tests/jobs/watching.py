"""What is seen of a job from outside: a watcher that reads every picture again and again, and its processes."""

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

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


def wait_for(reached, process):
    end = time.monotonic() + 240
    while not reached():
        assert process.poll() is None, "it ended"
        assert time.monotonic() < end, "it has not come so far"
        time.sleep(0.005)


def children(pid):
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended meanwhile
            found += [int(child) for child in (thread / "children").read_text().split()]
    return found
