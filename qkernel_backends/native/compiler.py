"""Compiles the machines; the only module of the engine through which numba is loaded."""

from __future__ import annotations

from importlib import import_module
from types import FunctionType
from typing import Any

import numpy as np
from numba import types

from qkernel_backends.native import entries, planner
from qkernel_backends.native.vectors import kernel
from qkernel_backends.plan import chains, cones, fusion, machine


def compile_machine(real: np.dtype[Any], name: str) -> tuple[str, bytes]:
    """The machine `name` for a precision, as the name of its function and an object file.

    The function is `void *result, void *error` (both unused), then what `run` takes.
    """
    whole, element = types.CPointer(types.int64), types.float32 if real == np.float32 else types.float64
    arrays, numbers = types.CPointer(types.CPointer(element)), types.CPointer(types.float64)
    if name == "planner":
        run = _planner()
        run.compile((types.int64, types.CPointer(whole), arrays))
    else:
        run = import_module(f"qkernel_backends.native.{name}").run
        run.compile((whole, arrays, numbers, *(types.int64,) * 5))
    compiled = run.overloads[run.signatures[-1]]
    _, kind, (code, _) = compiled.library.serialize_using_object_code()
    assert kind == "object"
    return compiled.fndesc.llvm_func_name, code


def _planner() -> Any:
    """`run` of the planner's modules, whose functions are Python's own, as kernels that call one another."""
    kernels: dict[Any, Any] = {}
    for module in (chains, fusion, cones, machine, entries, planner):
        names = dict(vars(module))
        for name, function in vars(module).items():
            if isinstance(function, FunctionType):
                if function.__module__ == module.__name__:
                    kernels[function] = kernel(FunctionType(function.__code__, names, name))
                names[name] = kernels[function]
    return kernels[planner.run]
