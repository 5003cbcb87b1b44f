"""What verbs are made of: their keywords told apart from the kernel's arguments, and what they do their work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from qkernel.boundary import api_boundary, no_option
from qkernel.diagnostics import did_you_mean
from qkernel.errors import CallArgumentError, KernelTypeError
from qkernel.execution.executor import Executor
from qkernel.execution.results import EstimatedValue
from qkernel.ir.module import Module
from qkernel.lower.bindings import refuse_graph
from qkernel.lower.circuit import Circuit

Array = np.ndarray[Any, Any]
Values = dict[str, Any]
Given = Mapping[str, Any] | None
Wrt = Iterable[str] | str | None
F = TypeVar("F", bound=Callable[..., Any])

DIRECT = frozenset(("bindings", "options"))
"""The keywords through which any argument and any option can be given; no argument of a kernel has these names."""


_all_options: set[str] = set()
"""The options of all verbs: a keyword of such a name is no misspelt argument."""


def verb(method: F) -> F:
    """`method` with `options`, and refusing a keyword that is both one of its options and an argument of the kernel."""
    names = frozenset(method.__kwdefaults__ or ()) - DIRECT
    _all_options.update(names)
    reached = api_boundary(method)

    @api_boundary
    @wraps(method)
    def called(self: Any, /, *arguments: Any, **keywords: Any) -> Any:
        options = keywords.pop("options", None) or {}
        self, arguments, keywords = self._bound(arguments, keywords)
        own = self._argument_names
        if (clashing := names & own) and (both := sorted(clashing & keywords.keys())):
            raise CallArgumentError(
                f"`{both[0]}` is an argument of `{self.name}` and an option of `{method.__name__}`",
                help=f'write `bindings={{"{both[0]}": ...}}` for the argument, `options={{"{both[0]}": ...}}` for the option',
            )
        if options:
            _check_options(method.__name__, names, options, keywords)
        for name in keywords.keys() - names - DIRECT - own:
            if name in _all_options:
                raise no_option(method.__name__, name, names)
            if name.isidentifier() and (meant := did_you_mean(name, sorted(names - own))):
                raise CallArgumentError(
                    f"`{self.name}` has no argument `{name}`, nor has `{method.__name__}` such an option{meant}",
                )
        return reached(self, *arguments, **keywords, **options)

    return cast("F", called)


def _check_options(name: str, names: frozenset[str], options: Any, keywords: Mapping[str, Any]) -> None:
    if not isinstance(options, Mapping):
        raise KernelTypeError(f"`options` is a dictionary from names to values, not `{options!r}`")
    for option in options:
        if option not in names:
            raise no_option(name, option, names)
        if option in keywords:
            raise CallArgumentError(f"the option `{option}` of `{name}` is given twice")


class Runnable(Protocol):
    """A circuit that is ready to run; `values` are those of its open parameters, by name."""

    circuit: Circuit

    @property
    def _returns_bits(self) -> bool: ...
    def _on(self, engine: Any = None, shots: Any = None, seed: int | None = None, gradient: Any = None) -> Executor: ...
    def _open_columns(self, values: Values) -> list[int]: ...
    def _refuse_shots_of_bits(self) -> None: ...
    def _evaluate(self, values: Values, chosen: Executor) -> Any: ...
    def _estimate(self, values: Values, chosen: Executor) -> EstimatedValue: ...
    def _sample(self, values: Values, chosen: Executor) -> Any: ...
    def _gradient(self, values: Values, wrt: tuple[str, ...] | None, chosen: Executor) -> tuple[Any, Values]: ...
    def _jacobian(self, values: Values, wrt: tuple[str, ...] | None, chosen: Executor) -> Values: ...
    def _hessian(self, values: Values, wrt: tuple[str, ...] | None, chosen: Executor) -> dict[str, Values]: ...
    def _metric(self, values: Values, wrt: tuple[str, ...] | None, kind: str, chosen: Executor) -> dict[str, Values]: ...
    def _natural_gradient(
        self, values: Values, wrt: tuple[str, ...] | None, kind: str, damping: float, chosen: Executor
    ) -> Values: ...
    def _state(self, values: Values, chosen: Executor) -> Array: ...
    def _matrix(self, values: Values, chosen: Executor) -> Array: ...


class Subject:
    """What verbs are about."""

    name: str
    _argument_names: frozenset[str]

    @property
    def ir(self) -> Module:
        """The kernel and every kernel that it reaches, as IR."""
        raise NotImplementedError

    def _values(self, arguments: tuple[Any, ...], bindings: Given, keywords: Values) -> Values:
        """All that was given, by the names of the kernel's arguments."""
        raise NotImplementedError

    def _bound(self, arguments: tuple[Any, ...], keywords: Values) -> tuple[Any, tuple[Any, ...], Values]:
        """What has the verbs once kernels among its arguments are known, and the other arguments."""
        return self, arguments, keywords

    def _ready(
        self, values: Values, wrt: tuple[str, ...] = (), positional: int = 0, takes_qubits: bool = False
    ) -> tuple[Runnable, Values]:
        """What runs, and the values of its open parameters among `values`; `wrt` are to be open."""
        raise NotImplementedError

    def _fields(self, names: Iterable[str] | str | None) -> tuple[str, ...] | None:
        """Names of arguments as the IR has them: a record's as those of its fields."""
        raise NotImplementedError

    def _derivable(self, wrt: Wrt) -> tuple[str, ...] | None:
        """As `_fields`; of a record those fields alone that there are derivatives by."""
        raise NotImplementedError

    def _detached(self, arguments: tuple[Any, ...], bindings: Given, keywords: Values) -> Values:
        """`_values`, refused where autograd follows one of them."""
        values = self._values(arguments, bindings, keywords)
        refuse_graph(self.name, values)
        return values
