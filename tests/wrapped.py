"""Kernels around a kernel of any signature: under a control, undone by its inverse, and read out."""

from __future__ import annotations

import inspect
import linecache
from typing import Any

import qkernel as qk
from qkernel.ir.types import is_quantum

REGISTER = "Vector[Qubit]"
TYPES = {
    name: getattr(qk, name)
    for name in ("Bit", "Dict", "Float", "Matrix", "Observable", "Qubit", "Tensor", "Tuple", "UInt", "Vector")
}


def controlled(kernel: Any) -> Any:
    """`kernel` under one control, a qubit that comes first."""
    results = ", ".join(str(result) for result in kernel.output_types)
    return _made(
        f"def controlled(under: qk.Qubit, {_parameters(kernel)}) -> tuple[qk.Qubit, {results}]:\n"
        f"    return qk.control(kernel)(under, {', '.join(kernel.input_types)})\n",
        kernel,
    )


def undone(kernel: Any) -> Any:
    """`kernel`, then its inverse."""
    quantum = [name for name, type in kernel.input_types.items() if is_quantum(type)]
    results = [f"result_{k}" for k in range(len(kernel.output_types))]
    back = dict(zip(quantum, results, strict=True))
    types = ", ".join(str(kernel.input_types[name]) for name in quantum)
    return _made(
        f"def undone({_parameters(kernel)}) -> {f'tuple[{types}]' if len(quantum) > 1 else types}:\n"
        f"    {', '.join(results)} = kernel({', '.join(kernel.input_types)})\n"
        f"    return qk.inverse(kernel)({', '.join(back.get(name, name) for name in kernel.input_types)})\n",
        kernel,
    )


def read_out(kernel: Any) -> Any:
    """The expectation value of `observable` on the first result of `kernel`, whose qubits start turned away from 0."""
    parameters, lines = ["observable: qk.Observable"], []
    for name, type in kernel.input_types.items():
        if is_quantum(type):
            lines.append(f"{name} = qk.ry(qk.{f'qubit_array(size_{name})' if str(type) == REGISTER else 'qubit()'}, 0.7)")
        if str(type) == REGISTER:
            parameters.append(f"size_{name}: UInt")
        elif not is_quantum(type):
            parameters.append(f"{name}: {type}{_default(kernel, name)}")
    results = ", ".join(f"result_{k}" for k in range(len(kernel.output_types)))
    body = "".join(f"    {line}\n" for line in [*lines, f"{results} = kernel({', '.join(kernel.input_types)})"])
    return _made(
        f"def read_out({', '.join(parameters)}) -> qk.Float:\n{body}    return qk.expval(result_0, observable)\n", kernel
    )


def sized(kernel: Any, values: Any) -> dict[str, Any]:
    """The arguments of `read_out(kernel)` for those of `kernel`."""
    return {f"size_{name}" if is_quantum(kernel.input_types[name]) else name: value for name, value in values.items()}


def _parameters(kernel: Any) -> str:
    return ", ".join(f"{name}: {type}{_default(kernel, name)}" for name, type in kernel.input_types.items())


def _default(kernel: Any, name: str) -> str:
    default = inspect.signature(kernel).parameters[name].default
    return "" if default is inspect.Parameter.empty else f" = {default!r}"


def _made(source: str, kernel: Any) -> Any:
    """The kernel that `source` defines; the text is kept where kernels look for it."""
    name = f"<{source.split('(')[0]} {kernel.name}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    names: dict[str, Any] = {"qk": qk, "kernel": kernel, **TYPES}
    exec(compile(source, name, "exec", dont_inherit=True), names)
    return qk.qkernel(names[source.split("(")[0].removeprefix("def ")])
