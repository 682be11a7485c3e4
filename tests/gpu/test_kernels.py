"""Every CUDA source is compiled by nvcc, in the form that NVRTC gets, for all supported devices.

`.ci/run` installs nvcc; the tests are skipped if it is not on the path. No device is needed.
"""

import shutil
import subprocess
from importlib import resources

import pytest

from propmat._gpu import _launch

pytestmark = pytest.mark.skipif(not shutil.which("nvcc"), reason="nvcc is not on the path")

ARCHITECTURES = (80, 90)
FLAGS = ["--std=c++17", "-Werror", "all-warnings", "-fatbin"]
FLAGS += [f"-gencode=arch=compute_{number},code=sm_{number}" for number in ARCHITECTURES]
FOLDER = resources.files("propmat._gpu")
SOURCES = sorted(path.name.removesuffix(".cu") for path in FOLDER.iterdir() if path.name.endswith(".cu"))


def depths(source):
    """The numbers of channels that are compiled in, where a source has them: grey and colour."""
    return (1, 3) if "DEPTH" in _launch.code(source) else (None,)


def compiled(code, folder, depth=None):
    """What nvcc has to say."""
    (folder / "code.cu").write_text(code, encoding="utf-8")
    constants = [] if depth is None else [f"-DDEPTH={depth}"]
    command = ["nvcc", *FLAGS, *constants, "-o", "code.fatbin", "code.cu"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(("source", "depth"), [(source, depth) for source in SOURCES for depth in depths(source)])
def test_compiles_for_devices(source, depth, tmp_path):
    done = compiled(_launch.code(source), tmp_path, depth)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("fault", ["int x = ;", "__device__ int f(int x) { int unused; return x; }"])
def test_errors_and_warnings_are_failures(fault, tmp_path):
    assert compiled(_launch.code("lanczos") + fault, tmp_path).returncode != 0
