"""Access to CuPy and the GPU, and their errors as errors of propmat."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from propmat.errors import DeviceMemoryError, MissingDependencyError, PropmatError, UnsupportedError

INSTALL = "pip install 'propmat[gpu]' for CUDA 13, or 'cupy-cuda12x[ctk]' for CUDA 12"


def cupy() -> Any:
    """The module `cupy`, after a check that there is a device, a driver that is new enough, and NVRTC.

    Raises
    ------
    MissingDependencyError
        If CuPy is not installed, or finds no compiler for its kernels (NVRTC).
    UnsupportedError
        If CuPy finds no device, or a driver that is too old for it.
    """
    try:
        import cupy
    except ImportError as error:
        raise MissingDependencyError(f"arrays on a GPU need CuPy ({error}): {INSTALL}") from error
    _check(cupy)
    return cupy


@functools.cache
def _check(cupy: Any) -> None:
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise UnsupportedError(
            f"no device can be used: {error}. CuPy {cupy.__version__} {_versions(cupy)}. Where the driver offers less: "
            f"a newer driver, or {INSTALL}"
        ) from error
    if not count:
        raise UnsupportedError("no device can be used: CuPy is installed, but there is no CUDA device")
    try:
        cupy.cuda.nvrtc.getVersion()
    except (RuntimeError, ImportError, AssertionError) as error:  # CuPy loads the library at its first use
        raise MissingDependencyError(
            f"kernels cannot be compiled: CuPy {cupy.__version__} {_versions(cupy)}, and NVRTC is not found ({error}): "
            f"{INSTALL}"
        ) from error


def _versions(cupy: Any) -> str:
    runtime = cupy.cuda.runtime
    driver = runtime.driverGetVersion()
    offers = f"the driver offers {_version(driver)}" if driver else "there is no driver"
    return f"was made for CUDA {_version(runtime.runtimeGetVersion())}; {offers}"


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def asarray(value: Any) -> Any:
    """An array of CuPy, without a copy if the value is on a GPU."""
    return cupy().asarray(value)


def stream(pointer: int, device: int) -> Any:
    """A context manager that makes a CUDA stream of another package the current one."""
    return cupy().cuda.ExternalStream(pointer, device)


def described() -> str:
    """A description of the device for `propmat info`."""
    package = cupy()
    properties = package.cuda.runtime.getDeviceProperties(package.cuda.Device().id)
    name, memory = properties["name"].decode(), properties["totalGlobalMem"] / 2**30
    capability, compiler = (
        f"{properties['major']}.{properties['minor']}",
        "{}.{}".format(*package.cuda.nvrtc.getVersion()),
    )
    return (
        f"{name}, {memory:.0f} GiB, compute capability {capability}; CuPy {package.__version__} {_versions(package)}; "
        f"NVRTC {compiler}"
    )


@contextmanager
def telling_failures() -> Iterator[None]:
    """Turn errors of CuPy and CUDA into errors of propmat; if memory runs out, also free what the memory pool holds.

    Raises
    ------
    DeviceMemoryError
        If an allocation failed inside.
    UnsupportedError
        If a kernel could not be compiled.
    PropmatError
        If the driver reports anything else: a device that was lost, or in which a kernel failed.
    """
    package = cupy()
    try:
        yield
    except package.cuda.memory.OutOfMemoryError as error:
        traceback.clear_frames(error.__traceback__)  # frames keep references to the arrays allocated so far
        package.get_default_memory_pool().free_all_blocks()
        free, total = package.cuda.runtime.memGetInfo()
        raise DeviceMemoryError(
            f"GPU: {error} Of {total:,} bytes {free:,} are free now. Use a smaller image or fewer unknown pixels, or "
            f"solve on the host (cupy.asnumpy)"
        ) from None
    except package.cuda.compiler.CompileException as error:
        raise UnsupportedError(
            f"GPU: a kernel could not be compiled: {str(error).strip()} Where files of CUDA are missing: {INSTALL}"
        ) from error
    except (package.cuda.runtime.CUDARuntimeError, package.cuda.driver.CUDADriverError) as error:
        raise PropmatError(
            f"GPU: {error}. The device may be lost to this process, arrays on it too: start another, and solve on the "
            f"host meanwhile"
        ) from error
