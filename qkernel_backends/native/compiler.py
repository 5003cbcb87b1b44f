"""Compiles the machines; the only module of the engine through which numba is loaded."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numba import types


def compile_machine(real: np.dtype[Any], name: str) -> tuple[str, bytes]:
    """The machine `name` for a precision, as the name of its function and an object file.

    The function is `void *result, void *error` (both unused), then what `run` takes.
    """
    run = import_module(f"qkernel_backends.native.{name}").run
    element = types.float32 if real == np.float32 else types.float64
    arrays = types.CPointer(types.CPointer(element))
    run.compile((types.CPointer(types.int64), arrays, types.CPointer(types.float64), *(types.int64,) * 5))
    compiled = run.overloads[run.signatures[-1]]
    _, kind, (code, _) = compiled.library.serialize_using_object_code()
    assert kind == "object"
    return compiled.fndesc.llvm_func_name, code
