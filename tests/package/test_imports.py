"""`import propmat` does not import heavy packages, and does not even search for them."""

import subprocess
import sys

import pytest

HEAVY = [
    "numba",
    "pyamg",
    "sklearn",
    "PIL",
    "OpenImageIO",
    "tqdm",
    "fsspec",
    "distributed",
    "cupy",
    "torch",
    "jax",
    "scipy.ndimage",
    "scipy.sparse.linalg",
]


@pytest.mark.parametrize("heavy", HEAVY)
def test_import_is_light(heavy):
    code = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name == {heavy!r}:
            sys.exit(f"looked for {{name}}")
sys.meta_path.insert(0, Refuse())
import propmat
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
