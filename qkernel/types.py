"""What users annotate kernels with.

To a type checker `UInt` is `int`, `Float` is `float` and `Bit` is `bool`, so that kernels check with literals as arguments.
At run time these names are markers that the frontend turns into IR types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, Tuple, TypeVar, overload  # noqa: UP035 - users of peers expect the name

from qkernel.errors import OutsideKernelError
from qkernel.ir import types as ir

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Handle:
    """A value that kernels pass around: qubits, or classical values that are known later."""


class Qubit(Handle):
    """One qubit."""

    ir_type: ir.Type = ir.QUBIT


class Observable(Handle):
    """A Hamiltonian that is bound before the kernel runs."""

    ir_type: ir.Type = ir.OBSERVABLE
    if TYPE_CHECKING:
        from qkernel.observable import Hamiltonian as _Hamiltonian

        def __new__(cls, *arguments: Any) -> Any: ...


class QFixed(Handle):
    """A register read as a fixed-point number in [0, 2**int_bits), least significant bit first."""

    ir_type: ir.Type = ir.QFIXED


class Array(Handle, Generic[T]):
    """A vector, matrix or tensor."""

    rank = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each axis."""
        raise _only_in_kernels(type(self).__name__)

    def __class_getitem__(cls, element: Any) -> Any:
        return Annotation(cls, (element,)) if cls.rank else super().__class_getitem__(element)  # type: ignore[misc]

    def __len__(self) -> int:
        raise _only_in_kernels(type(self).__name__)

    if TYPE_CHECKING:

        def __setitem__(self, key: Any, value: Any) -> None: ...


class Vector(Array[T]):
    """A row of values; `Vector[Qubit]` is a register."""

    rank = 1
    if TYPE_CHECKING:

        def __iter__(self) -> Iterator[Any]: ...
        @overload
        def __getitem__(self, key: int) -> T: ...
        @overload
        def __getitem__(self, key: slice) -> Vector[T]: ...
        def __getitem__(self, key: Any) -> Any: ...


VectorView = Vector


class Matrix(Array[T]):
    """A table of classical values, `m[i, j]`."""

    rank = 2
    if TYPE_CHECKING:

        @overload
        def __getitem__(self, key: int) -> Vector[T]: ...
        @overload
        def __getitem__(self, key: tuple[int, int]) -> T: ...
        def __getitem__(self, key: Any) -> Any: ...


class Tensor(Array[T]):
    """Classical values with three indices."""

    rank = 3
    if TYPE_CHECKING:

        def __getitem__(self, key: Any) -> Any: ...


if TYPE_CHECKING:
    from collections.abc import Mapping as Dict
else:

    class Dict(Handle, Generic[K, V]):
        """A mapping; keys are UInt, tuples of UInt, or vectors of UInt."""

        def __class_getitem__(cls, arguments):
            return Annotation(cls, arguments if isinstance(arguments, tuple) else (arguments,))


class Annotation:
    """`Vector[Float]`, `Dict[UInt, Float]` ... as they stand in a signature."""

    __slots__ = ("arguments", "origin")

    def __init__(self, origin: Any, arguments: tuple[Any, ...]) -> None:
        self.origin, self.arguments = origin, arguments

    def __repr__(self) -> str:
        names = [getattr(argument, "__name__", repr(argument)) for argument in self.arguments]
        return f"{self.origin.__name__}[{', '.join(names)}]" if self.origin else " | ".join(names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Annotation) and (self.origin, self.arguments) == (other.origin, other.arguments)

    def __hash__(self) -> int:
        return hash((self.origin, self.arguments))

    def __or__(self, other: Any) -> Annotation:
        return Annotation(None, (self, other))  # no kernel type: refused where the signature is read, with a caret


class _Scalar(type):
    def __repr__(cls) -> str:
        return cls.__name__


if TYPE_CHECKING:
    UInt = int
    Float = float
    Bit = bool
else:

    class UInt(Handle, metaclass=_Scalar):
        """A whole number; indices and sizes."""

        ir_type = ir.UINT

    class Float(Handle, metaclass=_Scalar):
        """A real number; angles in radians."""

        ir_type = ir.FLOAT

    class Bit(Handle, metaclass=_Scalar):
        """0 or 1, known or measured."""

        ir_type = ir.BIT


def _only_in_kernels(name: str) -> Exception:
    return OutsideKernelError(f"a {name} has elements and a shape only inside a kernel")


__all__ = [
    "Bit",
    "Dict",
    "Float",
    "Handle",
    "Matrix",
    "Observable",
    "QFixed",
    "Qubit",
    "Tensor",
    "Tuple",
    "UInt",
    "Vector",
    "VectorView",
]
