"""The machine code: kept on disk between processes, loaded without its compiler.

A file is named after what it was made from: the sources, the versions of numba and Python, and the processor. It holds the
digest of the rest, the name of the function, and an object file.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np

_SOURCES = (
    "angles", "blocks", "compiler", "flips", "gates", "layout", "machine",
    "phases", "readout", "real", "start", "steps", "vectors", "words",
)  # fmt: skip
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int32, *(ctypes.c_void_p,) * 5, *(ctypes.c_int64,) * 5)
_DIGEST_SIZE = 32


@cache
def machine_code(real: np.dtype[Any]) -> Callable[..., None]:
    """The machine for float32 or float64; compiles it the first time on this machine. See `machine.run`.

    Called with addresses: of nothing twice, of `code`, of the table of arrays, of `numbers`; then five whole numbers.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    file = cache_folder() / f"machine-{real.name}-{_stamp()}.bin"
    name, code = _read(file) or _compiled(real, file)
    target = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    function = _PROTOTYPE(engine.get_function_address(name))
    function.engine = engine  # type: ignore[attr-defined]  # whose memory the code is in
    return function


@cache
def cache_folder() -> Path:
    """`NUMBA_CACHE_DIR` if set, else `qkernel` in the user's cache folder."""
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "qkernel"


def _stamp() -> str:
    """Changes when anything does that machine code is made from, so that an edit is never answered with old code."""
    processor = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    chosen = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    digest = hashlib.sha256(repr((version("numba"), version("llvmlite"), sys.version, processor, chosen)).encode())
    for source in _SOURCES:
        digest.update((Path(__file__).parent / f"{source}.py").read_bytes())
    return digest.hexdigest()[:16]


def _read(file: Path) -> tuple[str, bytes] | None:
    """What a file holds; None if there is none or it is damaged."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    digest, rest = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    if hashlib.sha256(rest).digest() != digest:
        return None
    name, _, code = rest.partition(b"\n")
    return name.decode(), code


def _compiled(real: np.dtype[Any], file: Path) -> tuple[str, bytes]:
    print("qkernel: compiling the native engine, once for this machine (up to a minute) ...", file=sys.stderr)
    began = time.monotonic()
    from qkernel_backends.native.compiler import compile_machine

    name, code = compile_machine(real)
    rest = name.encode() + b"\n" + code
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as written:
            written.write(hashlib.sha256(rest).digest() + rest)
        os.replace(written.name, file)
        place = f"kept in {file.parent}"
    except OSError as error:
        place = f"not kept: {error}"
    print(f"qkernel: compiled in {time.monotonic() - began:.0f} s, {place}", file=sys.stderr)
    return name, code
