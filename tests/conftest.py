"""Fixtures: a seeded generator, and the photographs with true mattes if there is a copy of them next to the project."""

import logging
import signal
from pathlib import Path

import numpy as np
import pytest

# Shells start background processes with SIGINT ignored, which processes started by tests would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

PHOTOGRAPHS = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture
def photographs():
    """The folder of evaluation data; the test is skipped where there is none."""
    if not PHOTOGRAPHS.is_dir():
        pytest.skip("no photographs in ../shared/data")
    return PHOTOGRAPHS


@pytest.fixture
def files(tmp_path, monkeypatch, sample):
    """A folder with image.png, trimap.png and truth.png of a module's sample; the current directory."""
    from propmat import io

    monkeypatch.chdir(tmp_path)
    io.write_image("image.png", sample.image)
    io.write_image("trimap.png", sample.trimap)
    io.write_image("truth.png", sample.alpha)
    return tmp_path


@pytest.fixture
def on_one_thread():
    """PyTorch on one thread, for planes that are too small to share, and with a seed."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def no_compiling():
    """Leave out the line that kernels are being compiled, which comes where no earlier run left them on disk."""

    def other(record):
        return not record.getMessage().startswith("compiling")

    logging.getLogger("propmat").addFilter(other)
    yield
    logging.getLogger("propmat").removeFilter(other)
