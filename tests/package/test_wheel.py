"""What is built for users: its files, its metadata, its entry points; and that it can be imported alone."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

import propmat

ROOT = Path(__file__).parents[2]
SOURCES = ("LICENSE", "README.md", "pyproject.toml", "setup.cfg")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the wheel and the source archive that `python -m build` makes of a copy of the project."""
    pytest.importorskip("build")
    copy, target = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("dist")
    shutil.copytree(ROOT / "propmat", copy / "propmat", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "build", "--outdir", str(target), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def wheel(built):
    return zipfile.ZipFile(next(built.glob("*.whl")))


def of_package(names):
    return {name for name in names if name.startswith("propmat/")}


@pytest.mark.slow
def test_wheel_has_all_files_of_the_package(wheel):
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "propmat").rglob("*") if path.is_file()}
    wanted = {name for name in there if "__pycache__" not in name}
    assert of_package(wheel.namelist()) == wanted
    suffixes = {Path(name).suffix for name in wanted}
    assert {".py", ".cu", ".cuh", ".png", ".safetensors", ".yaml", ".typed"} <= suffixes


@pytest.mark.slow
def test_wheel_is_for_every_platform(built, wheel):
    (path,) = built.glob("*.whl")
    assert path.name == f"propmat-{propmat.__version__}-py3-none-any.whl"
    outside = [name for name in wheel.namelist() if not name.startswith(("propmat/", "propmat-"))]
    assert outside == []
    assert any(name.endswith("LICENSE") for name in wheel.namelist())


@pytest.mark.slow
def test_metadata(wheel):
    folder = f"propmat-{propmat.__version__}.dist-info"
    metadata = message_from_string(wheel.read(f"{folder}/METADATA").decode())
    assert metadata["Author"] == "The propmat developers"
    assert "image matting" in metadata["Keywords"]
    assert "Framework :: napari" in metadata.get_all("Classifier")
    torch = [line for line in metadata.get_all("Requires-Dist") if re.match(r"torch\b", line)]
    assert [line for line in torch if "==" in line.partition(";")[0]] == ['torch==2.13.0; extra == "test"']
    entries = configparser.ConfigParser()
    entries.read_string(wheel.read(f"{folder}/entry_points.txt").decode())
    assert dict(entries["napari.manifest"]) == {"propmat": "propmat.napari:napari.yaml"}
    assert dict(entries["console_scripts"]) == {"propmat": "propmat.cli:main"}


@pytest.mark.slow
def test_wheel_can_be_imported_alone(wheel, tmp_path):
    wheel.extractall(tmp_path)
    code = "import propmat.napari, propmat.comfyui, propmat.rembg; propmat.napari.flower(); print(propmat.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300)
    assert Path(done.stdout.strip()) == tmp_path / "propmat" / "__init__.py", done.stderr


@pytest.mark.slow
def test_source_archive_builds_the_same(built, wheel):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert of_package(wheel.namelist()) <= inside
    assert set(SOURCES) <= inside


def test_citation_has_the_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {propmat.__version__}\n" in text
    assert "- name: The propmat developers" in text
