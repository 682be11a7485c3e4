"""Modules import only from lower layers, and heavy packages are imported only by the modules listed here."""

import ast
from pathlib import Path

import pytest

import propmat

LAYERS = (  # lowest first
    "errors _version _arithmetic _cached _locks _memory _on_device _srgb _typing",
    "_cpu losses",
    "_gpu",
    "_backend",
    "_inputs _operators",
    "io pictures _trimap_checks",
    "_trimap preconditioners _threads",
    "laplacian sampling solvers metrics _trimap_making datasets",
    "_constraints _foreground flows",
    "_solve",
    "matting",
    "adjoint",
    "_batching comfyui napari pymatting rembg",
    "torch jax",
    "networks _photographs",
    "jobs studio",
    "video",
    "training cli",  # nothing imports training
    "__main__",
)
IMPORTED_IN = {
    "numba": "_cpu",
    "pyamg": "preconditioners",
    "PIL": "datasets io pictures pymatting rembg training",
    "OpenImageIO": "io",
    "sklearn": "datasets",
    "tqdm": "cli training",
    "cv2": "video",
    "av": "video",
    "cupy": "_gpu",
    "torch": "torch comfyui networks training",
    "safetensors": "networks",
    "tomli": "training",
    "jax": "jax",
    "comfy_api": "comfyui",
    "napari": "napari",
    "magicgui": "napari",
    "starlette": "studio",
    "uvicorn": "studio",
    "fsspec": "io",
    "pyarrow": "jobs",
    "distributed": "jobs",
}
LAYER = {module: layer for layer, modules in enumerate(LAYERS) for module in modules.split()}
ROOT = Path(propmat.__file__).parent
FILES = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downhill(path):
    module = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in imports_of(path):
        package, _, rest = name.partition(".")
        if package == "propmat":
            other = rest.partition(".")[0]
            assert other == module or LAYER[other] < LAYER[module], f"{module} may not import {other}"
        else:
            assert module in IMPORTED_IN.get(package, module).split(), f"{module} may not import {package}"
