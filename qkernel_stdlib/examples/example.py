"""What an example of the library is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Example:
    """A kernel of the library, or a small one around a function of the library, with sizes and values.

    `shape(n)` binds what shapes the kernel at size n, a register by its length, and `free(n)` what may stay open. While
    those `without_formula` are open the circuit cannot be written down. `size` is a size at which all of it does something,
    and `sizes` are those at which it can be counted.

    `expected(**values)` is by numpy alone what the kernel does: the matrix of one that returns qubits (its `leading`
    rows alone, of a block encoding), else what it returns.
    `counts(**values)` are the counts that its text states, by field of the estimate or name of a gate, at
    all sizes that `shape` takes if it `grows`; `under_control` the same under one control. `of` is the function of the library
    that the kernel is about, if it is not in the library itself, and `code` shows how it is used,
    with the functions of the library on data that it `shows`.
    """

    kernel: Any
    shape: Callable[[int], Mapping[str, Any]]
    size: int
    free: Callable[[int], Mapping[str, Any]] = lambda n: {}
    without_formula: tuple[str, ...] = ()
    sizes: Sequence[int] = range(7)
    expected: Callable[..., Any] | None = None
    leading: bool = False
    counts: Callable[..., Mapping[str, int]] | None = None
    under_control: Callable[..., Mapping[str, int]] | None = None
    grows: bool = True
    of: str = ""
    code: str = ""
    shows: Sequence[str] = ()

    @property
    def bindings(self) -> Mapping[str, Any]:
        """What shapes the kernel, at `size`."""
        return self.shape(self.size)

    @property
    def values(self) -> Mapping[str, Any]:
        """What may stay open, at `size`."""
        return self.free(self.size)

    @property
    def lengths(self) -> dict[str, tuple[int, ...]]:
        """The shapes of what may stay open."""
        return {name: np.shape(value) for name, value in self.values.items()}

    @property
    def name(self) -> str:
        return str(self.kernel.name)

    def at(self, n: int) -> dict[str, Any]:
        """All arguments, at size n."""
        return {**self.shape(n), **self.free(n)}
