"""The machine code: kept on disk between processes, or brought along by a wheel; loaded without its compiler.

What a file holds is run, so it is loaded from nowhere but a private folder and a private file. The file holds the digest
of the rest, a header of everything that the code depends on, the name of the function, and an object file.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from qkernel_backends.native.private_files import (
    NotPrivateError,
    only_one,
    private_folder,
    read_private,
    write_private,
)

_SOURCES = {
    "machine": (
        "angles", "blocks", "compiler", "flips", "gates", "layout", "machine",
        "phases", "readout", "real", "start", "steps", "vectors", "words",
    ),
    "pauli_vectors": ("compiler", "layout", "pauli_layout", "pauli_vectors", "vectors"),
    "planner": (
        "compiler", "entries", "layout", "planner", "vectors",
        "../plan/chains", "../plan/columns", "../plan/cones", "../plan/fusion", "../plan/machine",
    ),
}  # fmt: skip
"""The files that each machine is made of: that of states, that of density matrices, and what plans for the first."""
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int32, *(ctypes.c_void_p,) * 5, *(ctypes.c_int64,) * 5)
_PROTOTYPES = {"planner": ctypes.CFUNCTYPE(ctypes.c_int32, *(ctypes.c_void_p,) * 2, ctypes.c_int64, *(ctypes.c_void_p,) * 2)}
_DOUBLE = np.dtype(np.float64)
_NOTHING = (ctypes.c_int64 * 2)()
_DIGEST_SIZE = 32
_LARGEST = 1 << 26
_BROUGHT = Path(__file__).parent / "built"

_V2 = {"cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3"}
_V3 = _V2 | {"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"}
_V4 = _V3 | {"avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"}
LEVELS = {"x86-64-v4": _V4, "x86-64-v3": _V3, "x86-64-v2": _V2}
"""What a processor must have for machine code of each level."""


@cache
def machine_code(real: np.dtype[Any], name: str = "machine") -> Callable[..., None]:
    """A machine for float32 or float64; compiles it, or waits for who does, the first time on a machine. See its `run`.

    Called with addresses: of the result, of nothing, of `code`, of the table of arrays, of `numbers`; then five whole
    numbers. What plans for states is there then, too.
    """
    if name == "machine":
        planner_code()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    header = _header(real, name)
    file = _file(real, header, name)
    found, code = (file and _read(file, header)) or _brought(real, name) or _compiled(real, file, header, name)
    target = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    function: Callable[..., None] = _PROTOTYPES.get(name, _PROTOTYPE)(engine.get_function_address(found))
    function.engine = engine  # type: ignore[attr-defined]  # whose memory the code is in
    return function


@cache
def planner_code() -> Callable[..., None]:
    """What plans circuits, see `planner.run`; compiles it the first time on a machine."""
    return partial(machine_code(_DOUBLE, "planner"), ctypes.addressof(_NOTHING), ctypes.addressof(_NOTHING))


def planner() -> Callable[..., None] | None:
    """The same if it is there, compiled for this machine or brought along; asked for each plan until it is."""
    if not planner_code.cache_info().currsize:
        file = _file_of_planner()
        if not (file is not None and file.exists()) and _brought(_DOUBLE, "planner") is None:
            return None
    return planner_code()


@cache
def _file_of_planner() -> Path | None:
    return _file(_DOUBLE, _header(_DOUBLE, "planner"), "planner")


def file_to_come(real: np.dtype[Any]) -> Path | None:
    """Where the machine code of a precision will be, once it is compiled; None where it is there, or cannot be kept."""
    file = _file(real, _header(real))
    return None if file is None or file.exists() or _brought(real) else file


def _file(real: np.dtype[Any], header: bytes, name: str = "machine") -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / f"{name}-{real.name}-{hashlib.sha256(header).hexdigest()[:16]}.bin"


@cache
def cache_folder() -> Path | None:
    """`qkernel` in `NUMBA_CACHE_DIR` or else in the user's cache folder; where that is not private, a temporary folder.

    None where there can be no folder at all.
    """
    for place in (_user_folder, _temporary_folder):
        try:
            return private_folder(place())
        except (NotPrivateError, OSError, RuntimeError) as problem:
            say(f"machine code is not kept in {place.__doc__}: {problem}")
    return None


def _user_folder() -> Path:
    """the user's cache folder"""
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    return (Path(base).absolute() if base else Path.home() / ".cache") / "qkernel"


def _temporary_folder() -> Path:
    """the folder for temporary files"""
    user = os.geteuid() if hasattr(os, "geteuid") else "machine-code"
    return Path(tempfile.gettempdir()) / f"qkernel-{user}"


def _header(real: np.dtype[Any], name: str = "machine") -> bytes:
    """Everything that machine code depends on, so that an edit is never answered with old code."""
    return json.dumps(
        {
            "precision": real.name,
            "sources": _sources(name),
            "versions": [sys.version, version("numba"), version("llvmlite")],
            "processor": [llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()],
            "chosen processor": [os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")],
        }
    ).encode()


def _sources(name: str) -> str:
    digest = hashlib.sha256()
    for source in _SOURCES[name]:
        digest.update((Path(__file__).parent / f"{source}.py").read_bytes())
    return digest.hexdigest()


def bring(real: np.dtype[Any], level: str, name: str = "machine") -> None:
    """Compile for the wheel, in a process in which `NUMBA_CPU_NAME` is the level."""
    from qkernel_backends.native.compiler import compile_machine

    _BROUGHT.mkdir(exist_ok=True)
    header = _level_header(real, level, name)
    (_BROUGHT / f"{name}-{level}-{real.name}.bin").write_bytes(_packed(header, *compile_machine(real, name)))


def _brought(real: np.dtype[Any], name: str = "machine") -> tuple[str, bytes] | None:
    """What came with the wheel, for the highest level that runs here; it is trusted as the sources beside it are."""
    return next((found for _, found in _fitting(real, name)), None)


def _fitting(real: np.dtype[Any], name: str) -> Iterator[tuple[str, tuple[str, bytes]]]:
    """The levels of what came with the wheel that run here, from the highest, each with its function and code."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64") or os.environ.get("NUMBA_CPU_NAME"):
        return
    here = {feature for feature, has in llvm.get_host_cpu_features().items() if has}
    for level, features in LEVELS.items():
        file = _BROUGHT / f"{name}-{level}-{real.name}.bin"
        if features <= here and file.exists():
            found = _unpacked(file.read_bytes(), _level_header(real, level, name))
            if not isinstance(found, str):
                yield level, found


def origin(real: np.dtype[Any] = _DOUBLE) -> str:
    """Where the machine code of a precision is from, in words."""
    file = _file(real, _header(real))
    if file is not None and file.exists():
        return f"compiled for this machine, in {file.parent}"
    levels = [level for level, _ in _fitting(real, "machine")]
    return f"came with the wheel, for {levels[0]}" if levels else "not compiled yet"


def _level_header(real: np.dtype[Any], level: str, name: str = "machine") -> bytes:
    return json.dumps({"precision": real.name, "sources": _sources(name), "level": level}).encode()


def _packed(header: bytes, name: str, code: bytes) -> bytes:
    rest = b"\n".join((header, name.encode(), code))
    return hashlib.sha256(rest).digest() + rest


def _unpacked(content: bytes, header: bytes) -> tuple[str, bytes] | str:
    """The name and the code, or what is wrong."""
    digest, rest = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    made_for, _, rest_of_it = rest.partition(b"\n")
    if hashlib.sha256(rest).digest() != digest:
        return "it is damaged"
    if made_for != header:
        return "it was made of other sources, or for another precision, processor or version"
    name, _, code = rest_of_it.partition(b"\n")
    return name.decode(), code


def _read(file: Path, header: bytes) -> tuple[str, bytes] | None:
    """What a file holds; None, and a word about it, where it is not to be used."""
    try:
        content = read_private(file, _LARGEST)
    except FileNotFoundError:
        return None
    except (NotPrivateError, OSError) as problem:
        say(f"{file} is not used: {problem}")
        return None
    found = _unpacked(content, header)
    if isinstance(found, str):
        say(f"{file} is not used: {found}")
        return None
    return found


def _compiled(real: np.dtype[Any], file: Path | None, header: bytes, machine: str) -> tuple[str, bytes]:
    """Compile it, unless another process is at it: then wait for that."""
    lock = None if file is None else file.with_name(f"{machine}-{real.name}.lock")
    with only_one(lock, lambda: say("waiting for the native engine, which is being compiled ...")) as waited:
        if file is not None and waited and (found := _read(file, header)):
            return found
        say("compiling the native engine, once for this machine (up to a minute) ...")
        began = time.monotonic()
        from qkernel_backends.native.compiler import compile_machine

        name, code = compile_machine(real, machine)
        place = "not kept"
        if file is not None:
            try:
                write_private(file, _packed(header, name, code))
                place = f"kept in {file.parent}"
            except OSError as error:
                place = f"not kept: {error}"
        say(f"compiled in {time.monotonic() - began:.0f} s, {place}")
        return name, code


def say(what: str) -> None:
    print(f"qkernel: {what}", file=sys.stderr)
