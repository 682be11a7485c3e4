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
    "cv2",
    "av",
    "cupy",
    "torch",
    "jax",
    "scipy.ndimage",
    "scipy.sparse.linalg",
]


LATE = ["propmat.adjoint", "propmat.datasets", "propmat.io", "propmat.metrics", "propmat.pictures"]


@pytest.mark.parametrize("heavy", [*HEAVY, *LATE])
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


def test_packages_that_are_imported_when_used_are_attributes():
    import propmat

    for name in LATE:
        assert getattr(propmat, name.partition(".")[2]).__name__ == name
        assert name.partition(".")[2] in dir(propmat)
    with pytest.raises(AttributeError, match="module 'propmat' has no attribute 'closedform'"):
        _ = propmat.closedform


def test_a_star_imports_all_public_names():
    names: dict[str, object] = {}
    exec("from propmat import *", names)
    assert {"closed_form", "io", "metrics", "solvers", "InputError"} <= set(names)
    assert not {"TYPE_CHECKING", "ModuleType", "importlib"} & set(names)


@pytest.mark.parametrize("name", ["losses", "networks", "torch"])
def test_modules_that_are_not_imported_are_named(name):
    code = f"import propmat; propmat.{name}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert f"import propmat.{name}" in run.stderr


def test_a_misspelt_name_has_a_suggestion():
    code = "import propmat; propmat.closedform"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert "Did you mean: 'closed_form'?" in run.stderr
