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

    def own_form(self, function: Function, is_inverted: bool, is_controlled: bool) -> tuple[Function, bool, bool]:
        """What a function written for the purpose takes the place of one under modifiers, if there is one.

        With it, whether it is still to be inverted, and whether its first argument is of the controls: one, or all of them.
        """
        if is_inverted and function.inverse is not None:
            function, is_inverted = self[function.inverse], False
        takes_controls = is_controlled and function.control is not None
        if takes_controls:
            function = self[str(function.control)]
            if is_inverted and function.inverse is not None:
                function, is_inverted = self[function.inverse], False
        return function, is_inverted, takes_controls

    def __str__(self) -> str:
        return format_functions(self.functions)

    def __repr__(self) -> str:
        """The text form: what stands in the functions takes a hundred times as much as Python would write it."""
        return str(self)
