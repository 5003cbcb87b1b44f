"""From the IR and the values of its arguments to a concrete circuit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qkernel.errors import KernelRecursionError, QKernelError, SizeError
from qkernel.ir.module import Module
from qkernel.lower.circuit import Circuit
from qkernel.lower.effort import bounded_work
from qkernel.lower.interpreter import Interpreter
from qkernel.recursion import deep_stack

__all__ = ["lower"]


def lower(
    module: Module,
    values: Mapping[str, Any],
    open_parameters: Sequence[str] = (),
    lengths: Mapping[str, tuple[Any, ...]] | None = None,
    trims: bool = False,
) -> Circuit:
    """The concrete circuit of the module's entry.

    `values` has a value, already checked, for each argument but those in `open_parameters`, which become columns of the
    angle map in signature order. `lengths` gives shapes of open arrays and keys of open dictionaries; without it an
    array is as long as the circuit uses it, and so it is with `trims` along an axis whose length is never asked for. A
    quantum argument of the entry becomes qubits in 0; a register's length is its value.
    It takes at most `QKERNEL_MOST_STEPS` steps: see `qkernel/lower/effort.py`.
    Raises the lowering errors of `qkernel.errors` (QK4xx), and `EntrypointValidationError` where the circuit's shape
    depends on an open argument.
    """
    with deep_stack(), bounded_work():
        try:
            return Interpreter(module, values, open_parameters, lengths or {}, trims).circuit()
        except QKernelError:
            raise
        except RecursionError:
            raise KernelRecursionError(f"`{module.entry.name}` nests too deeply", span=module.entry.span) from None
        except MemoryError:
            raise SizeError(f"the circuit of `{module.entry.name}` does not fit into memory", span=module.entry.span) from None
