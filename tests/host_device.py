"""An emulated device in host memory, to run `propmat._gpu` on machines without a GPU.

Kernels: the CUDA source, compiled by g++ with ``host_device.h``; arguments must have exactly the declared types.
Arrays: `DeviceArray`, as strict as CuPy's arrays. It cannot be mixed with arrays of NumPy, is converted to one only by
`get`, refuses what CuPy lacks, returns 0-dimensional arrays from reductions, and counts host synchronisations.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import operator
import re
import subprocess
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from propmat._gpu import _device, _launch

HEADER = Path(__file__).with_name("host_device.h")
FLAGS = (
    "-std=c++17 -O2 -ffp-contract=off -fPIC -shared -Wl,-Bsymbolic -Wall -Wextra -Werror -Wno-unused-function".split()
)
KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(([^)]*)\)')
TYPES = {
    "bool": np.bool_,
    "unsigned char": np.uint8,
    "short": np.int16,
    "int": np.int32,
    "long long": np.int64,
    "float": np.float32,
    "double": np.float64,
}

# Functions of NumPy that `propmat` may call with arrays of CuPy: CuPy 14 implements them, with these arguments.
IN_CUPY = set(
    """
    all any arange argmax argsort argwhere asarray ascontiguousarray bincount broadcast_to clip concatenate
    copyto count_nonzero cumsum diff einsum empty empty_like exp eye flatnonzero full full_like inv isfinite max mean
    min moveaxis ndim nonzero norm ones ones_like pad require searchsorted shape square stack sum tile unique
    unravel_index vdot where zeros zeros_like
    """.split()
)


class Device:
    """How many groups and threads run a kernel at most, in which order; how often the host waited, and kernels began.

    A kernel may not depend on the first three. CuPy starts a kernel, sometimes several, for what counts as one here.
    """

    groups = 3
    threads = 1
    backwards = False
    waits = 0
    launches = 0


def compiled(source: str, kernel: str, constants: tuple[tuple[str, int], ...]):
    """In place of `propmat._gpu._launch.compiled`."""
    library, declared = _library(source, constants)
    types = declared[kernel]
    entry = getattr(library, f"launch_{kernel}")

    def call(groups, threads, arguments):
        Device.launches += 1
        assert len(arguments) == len(types), f"{kernel}: {len(types)} parameters, {len(arguments)} arguments"
        held = [_held(kernel, *pair) for pair in zip(types, arguments, strict=True)]
        addresses = (ctypes.c_void_p * len(held))(*(ctypes.addressof(value) for value in held))
        counts = min(groups[0], Device.groups), min(threads[0], Device.threads), Device.backwards
        entry(*map(ctypes.c_longlong, counts), addresses)

    return call


def _held(kernel, declared, argument):
    """The argument as the kernel reads it; its type must be the declared one, which CuPy would not check."""
    dtype, pointer = declared
    found = argument.dtype
    assert found == dtype, f"{kernel}: takes {dtype}, got {found}"
    if pointer:
        assert isinstance(argument, DeviceArray), f"{kernel}: got {type(argument)} for a pointer"
        return ctypes.c_void_p(argument.memory.ctypes.data)
    assert isinstance(argument, np.generic), f"{kernel}: got {type(argument)} for a number"
    return np.ctypeslib.as_ctypes_type(dtype)(argument.item())


@functools.cache
def _library(source, constants):
    code = _launch.code(source)
    kernels = KERNEL.findall(_expanded(code))
    entries = "\n".join(
        f'extern "C" void launch_{name}(long long groups, long long threads, long long backwards, void **arguments)\n'
        f"{{ launch({name}, groups, threads, backwards, arguments); }}"
        for name, _ in kernels
    )
    defines = [f"-D{name}={value}" for name, value in constants]
    text = f'#include "{HEADER}"\n{code}\n{entries}\n'
    key = hashlib.sha256("\0".join([text, HEADER.read_text(), *FLAGS, *defines]).encode()).hexdigest()[:20]
    folder = Path(tempfile.gettempdir()) / "propmat-host-device"
    folder.mkdir(exist_ok=True)
    library = folder / f"{source}-{key}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            (Path(scratch) / "code.cpp").write_text(text)
            made = Path(scratch) / "code.so"
            subprocess.run(["g++", *FLAGS, *defines, "-o", made, Path(scratch) / "code.cpp"], check=True, timeout=120)
            made.replace(library)
    return ctypes.CDLL(str(library)), {name: _parameters(given) for name, given in kernels}


def _expanded(code):
    """With the macros that declare kernels for several types written out."""
    for name, given, lines in re.findall(r"#define (\w+)\(([\w, ]+)\)((?:.*\\\n)+.*\n)", code):
        if "__global__" in lines:
            body = lines.replace("\\\n", "\n")
            for used in re.findall(rf"^{name}\(([\w, ]+)\)", code, re.MULTILINE):
                code += _put_in(body, dict(zip(given.split(", "), used.split(", "), strict=True)))
    return code


def _put_in(body, types):
    """The body of a macro, with the arguments for its parameters."""
    for name, value in types.items():
        body = re.sub(rf"##{name}\b|\b{name}\b", value, body)
    return body


def _parameters(given):
    """(dtype, whether it is a pointer) of each parameter."""
    found = []
    for parameter in given.split(","):
        words = parameter.replace("const", "").rsplit("*", 1)
        kind = words[0] if len(words) == 2 else parameter.rsplit(None, 1)[0]
        found.append((np.dtype(TYPES[" ".join(kind.split())]), len(words) == 2))
    return found


class DeviceArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array on the device: what `cupy.ndarray` allows, and no more."""

    __cuda_array_interface__ = {"version": 3}

    def __init__(self, memory):
        self.memory = memory

    def get(self):
        """A copy in host memory."""
        Device.waits += 1
        return self.memory.copy()

    def __dlpack__(self, **_):
        return self.memory.__dlpack__()

    def __dlpack_device__(self):
        return self.memory.__dlpack_device__()

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        assert not options.get("where", None), "not all of CuPy's functions take where"
        if out is not None:
            options["out"] = tuple(_memory(array) for array in out)
        Device.launches += 1
        with np.errstate(all="ignore"):
            return _wrapped(getattr(ufunc, method)(*map(_memory, inputs), **options))

    def __array_function__(self, function, types, arguments, options):
        assert function.__name__ in IN_CUPY, f"{function.__name__}: is it in CuPy?"
        if function.__name__ == "asarray":
            return asarray(*arguments)
        Device.launches += function.__name__ not in ("empty", "empty_like", "broadcast_to", "shape", "ndim")
        if function.__name__ in ("nonzero", "flatnonzero", "argwhere", "unique", "bincount", "count_nonzero"):
            Device.waits += function.__name__ != "count_nonzero"
        return _wrapped(function(*map(_memory, arguments), **{name: _memory(v) for name, v in options.items()}))

    def __getitem__(self, key):
        Device.waits += _holds(key, lambda array: array.dtype == np.bool_)
        Device.launches += _holds(key, lambda array: array.ndim > 0)
        return _wrapped(np.asarray(self.memory[_index(key)]))

    def __setitem__(self, key, value):
        assert not isinstance(value, (list, np.ndarray)), "CuPy takes no arrays of NumPy"
        Device.launches += 1
        self.memory[_index(key)] = _memory(value)

    def __float__(self):
        Device.waits += 1
        return float(self.memory)

    def __int__(self):
        Device.waits += 1
        return int(self.memory)

    def __bool__(self):
        Device.waits += 1
        return bool(self.memory)

    def __index__(self):
        Device.waits += 1
        return operator.index(self.memory)

    def __len__(self):
        return len(self.memory)

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __repr__(self):
        return f"on the device: {self.memory!r}"

    def __getattr__(self, name):
        if name in ("shape", "size", "ndim", "dtype", "flags", "nbytes", "itemsize"):
            return getattr(self.memory, name)
        if name == "T":
            return DeviceArray(self.memory.T)
        if name in METHODS:
            return functools.partial(self._call, name)
        raise AttributeError(name)

    def _call(self, name, *given, **options):
        Device.launches += name not in ("ravel", "reshape", "transpose")
        return _wrapped(getattr(self.memory, name)(*map(_memory, given), **options))


METHODS = set("all any astype copy diagonal fill max mean min ravel reshape sum transpose".split())


def _memory(value):
    if isinstance(value, DeviceArray):
        return value.memory
    if isinstance(value, (tuple, list)) and not isinstance(value, np.generic):
        return type(value)(_memory(item) for item in value)
    assert not isinstance(value, np.ndarray), "CuPy takes no arrays of NumPy"
    return value


def _wrapped(value):
    if isinstance(value, tuple):
        return tuple(map(_wrapped, value))
    return DeviceArray(np.asarray(value)) if isinstance(value, (np.ndarray, np.generic)) else value


def _index(key):
    return tuple(map(_index, key)) if isinstance(key, tuple) else _memory(key)


def _holds(key, kind):
    """Whether one of the indices is an array of a kind."""
    return any(isinstance(k, DeviceArray) and kind(k) for k in (key if isinstance(key, tuple) else (key,)))


def asarray(value):
    """In place of `propmat._gpu._device.asarray`."""
    return value if isinstance(value, DeviceArray) else DeviceArray(np.array(value))


class OutOfMemoryError(MemoryError):
    """In place of `cupy.cuda.memory.OutOfMemoryError`."""


class CUDADriverError(RuntimeError):
    """In place of `cupy.cuda.driver.CUDADriverError`."""


class CompileException(Exception):
    """In place of `cupy.cuda.compiler.CompileException`."""


class CUDARuntimeError(RuntimeError):
    """In place of `cupy.cuda.runtime.CUDARuntimeError`."""


class Event:
    """In place of `cupy.cuda.Event`."""

    def record(self):
        self.time = time.perf_counter()

    def synchronize(self):
        pass


class Generator:
    """In place of `cupy.random.Generator`."""

    def __init__(self, seed):
        self.random = lambda shape: asarray(np.random.default_rng(seed).random(shape))


def install(monkeypatch, *, groups=3, threads=1, backwards=False):
    """Put this device in the place of the real one; returns what stands for CuPy."""
    for name, value in {
        "groups": groups,
        "threads": threads,
        "backwards": backwards,
        "waits": 0,
        "launches": 0,
    }.items():
        monkeypatch.setattr(Device, name, value)
    pool = SimpleNamespace(freed=0)
    pool.free_all_blocks = lambda: setattr(pool, "freed", pool.freed + 1)
    pool.total_bytes = lambda: 0
    package = SimpleNamespace(
        asarray=asarray,
        cuda=SimpleNamespace(
            Event=Event,
            get_elapsed_time=lambda start, end: 1e3 * (end.time - start.time),
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            compiler=SimpleNamespace(CompileException=CompileException),
            driver=SimpleNamespace(CUDADriverError=CUDADriverError),
            runtime=SimpleNamespace(memGetInfo=lambda: (1000, 2000), CUDARuntimeError=CUDARuntimeError),
        ),
        get_default_memory_pool=lambda: pool,
        ones=lambda *given: asarray(np.ones(*given)),
        random=SimpleNamespace(default_rng=Generator),
        zeros=lambda *given: asarray(np.zeros(*given)),
    )
    monkeypatch.setattr(_device, "cupy", lambda: package)
    monkeypatch.setattr(_device, "asarray", asarray)
    monkeypatch.setattr(_launch, "compiled", compiled)
    return package
