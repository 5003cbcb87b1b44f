"""A module: what a kernel is in the IR, with all that it reaches."""

from __future__ import annotations

from dataclasses import dataclass, field

from qkernel.ir.ops import Function
from qkernel.ir.printer import format_functions


@dataclass(frozen=True, slots=True, repr=False)
class Module:
    """A function and every function that it reaches, by unique names; the entry comes first.

    `reuse_measured` says that what called functions measure is put back into 0 when they end, and used again.
    """

    functions: tuple[Function, ...]
    reuse_measured: bool = False
    index: dict[str, Function] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {function.name: function for function in self.functions})

    @property
    def entry(self) -> Function:
        """The function that the module is for."""
        return self.functions[0]

    def __getitem__(self, name: str) -> Function:
        return self.index[name]

    def __str__(self) -> str:
        return format_functions(self.functions)

    def __repr__(self) -> str:
        """The text form: what stands in the functions takes a hundred times as much as Python would write it."""
        return str(self)
