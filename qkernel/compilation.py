"""Kernels compiled: with which arguments fixed and which open, and what is kept for the next call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from qkernel.boundary import api_boundary
from qkernel.errors import BindingTypeError, EntrypointValidationError
from qkernel.executable import Executable
from qkernel.execution.shots import ShotPlan
from qkernel.execution.stochastic import Rule
from qkernel.frontend.signature import Signature
from qkernel.frontend.source import snapshot
from qkernel.ir.evaluation import evaluate
from qkernel.ir.module import Module
from qkernel.ir.types import FLOAT, ArrayType, DictType, Type
from qkernel.lower import lower
from qkernel.lower.bindings import given, normalise, refuse_graph
from qkernel.lower.lengths import Lengths, given_lengths, lengths_of
from qkernel.recent import Recent
from qkernel.verbs import Verbs

MOST_PROGRAMS = 16
"""What `run`, `sample` and `grad` compiled last, kept for each kernel."""


class Compiled(Verbs):
    """What has a signature and IR, compiled as the verbs need it."""

    signature: Signature
    _compiled: Recent[Any, Executable | frozenset[str]]

    @api_boundary
    def compile(
        self,
        bindings: Mapping[str, Any] | None = None,
        parameters: Iterable[str] | None = None,
        *,
        engine: Any = "auto",
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        gradient: str | Rule = "auto",
        lengths: Mapping[str, int | Iterable[Any]] | None = None,
        reuse_measured: bool = False,
    ) -> Executable:
        """An executable with `bindings` fixed and `parameters` open.

        Arguments in neither become parameters where they shape nothing. `lengths` gives shapes of open arrays, and the
        keys of open dictionaries. `engine`, `shots`, `seed` and `gradient` hold for every call that names none: see
        `Verbs`. With `reuse_measured` qubits that called kernels make and measure are reset when these end, and used again.
        """
        kernel, _, named = self._bound((), {"bindings": bindings})
        bindings = named["bindings"]
        refuse_graph(self.name, given(bindings))
        known, module = Lengths(given_lengths(kernel.ir.entry, lengths)), replace(kernel.ir, reuse_measured=reuse_measured)
        executable: Executable = kernel._lowered(
            bindings, parameters, known, module=module, engine=engine, shots=shots, seed=seed, gradient=gradient
        )
        return executable

    def _lowered(
        self,
        bindings: Mapping[str, Any] | None,
        parameters: Iterable[str] | None,
        lengths: Lengths,
        takes_qubits: bool = False,
        module: Module | None = None,
        **settings: Any,
    ) -> Executable:
        """As `compile`; `takes_qubits` lets the kernel have quantum arguments, the value of a register is then its length."""
        module = module or self.ir
        bound = normalise(module.entry, given(bindings), self._fields(parameters), takes_qubits)
        return Executable(lower(module, bound.values, bound.open, lengths), module, fixed=bound.values, **settings)

    def _fields(self, names: Iterable[str] | str | None) -> tuple[str, ...] | None:
        return None if names is None else self.signature.spread(names)

    def _derivable(self, wrt: Iterable[str] | str | None) -> tuple[str, ...] | None:
        return None if wrt is None else self.signature.derivable(wrt)

    def _ready(
        self, values: dict[str, Any], wrt: tuple[str, ...] = (), positional: int = 0, takes_qubits: bool = False
    ) -> tuple[Executable, dict[str, Any]]:
        """An executable with the Float arguments open where they shape nothing, cached, and their values.

        Which of them shape the circuit lowering finds out, once for the same other values: their names are then kept instead.
        A dictionary of Floats, which mostly tells of a problem, is open only where a batch or `wrt` asks for it; what has a
        default and no value too.
        """
        parameters = self.ir.entry.parameters
        at_default = {each.name: each.default for each in parameters if each.name in wrt and each.name not in values}
        values = values | {name: evaluate(default, {}) for name, default in at_default.items() if default is not None}
        types = {parameter.name: parameter.type for parameter in parameters}
        open_names = [
            name
            for name, value in values.items()
            if _is_float(types.get(name)) or (_opens(types.get(name), value) and (name in wrt or _has_batch(value)))
        ]
        shaping, first = frozenset[str](), None
        while True:
            names = [name for name in open_names if name not in shaping]
            key, lengths = self._opening(values, names, takes_qubits)
            first = first or key
            found = self._compiled.get(key)
            if found is None:
                try:
                    found = self._opened(values, names, lengths, positional, takes_qubits)
                except EntrypointValidationError as error:
                    if not names:
                        raise
                    found, key = shaping | (frozenset(error.lacking).intersection(names) or frozenset(names)), first
                if key is not None:
                    self._compiled.keep(key, found)
            if isinstance(found, Executable):
                return found, {name: values[name] for name in names}
            shaping = found

    def _opening(self, values: dict[str, Any], names: list[str], takes_qubits: bool) -> tuple[Any, Lengths]:
        """What a circuit is made of whose `names` stay open, as a key if it can be one: the other values, and their lengths."""
        fixed = _key({name: value for name, value in values.items() if name not in names})
        lengths = lengths_of(self.ir.entry, {name: values[name] for name in names})
        key = None if fixed is None else (fixed, tuple(names), tuple(lengths.items()), takes_qubits)
        return key, Lengths(lengths, trims=True)

    def _opened(
        self, values: dict[str, Any], names: list[str], lengths: Lengths, positional: int, takes_qubits: bool
    ) -> Executable:
        fixed = {name: value for name, value in values.items() if name not in names}
        try:
            return self._lowered(fixed, names, lengths, takes_qubits)
        except BindingTypeError as error:
            usage = f"`{self.name}({', '.join(self.signature.names)})`"
            error.help = f"the order of the arguments is {usage}" if positional > 1 else error.help
            raise


def _is_float(type: Type | None) -> bool:
    return type == FLOAT or (isinstance(type, ArrayType) and type.element == FLOAT)


def _opens(type: Type | None, value: Any) -> bool:
    return isinstance(type, DictType) and type.value == FLOAT and isinstance(value, Mapping) and bool(value)


def _has_batch(value: Any) -> bool:
    return isinstance(value, Mapping) and any(np.ndim(part) for part in value.values())


def _key(values: dict[str, Any]) -> Any:
    """Fixed values as a dictionary key; None where they cannot be one."""
    try:
        frozen = tuple((name, snapshot(value)) for name, value in values.items())
        hash(frozen)
    except (TypeError, RuntimeError, NotImplementedError):  # the latter two are of tensors without data
        return None
    return frozen
