"""What users give for arguments (numbers, lists, arrays of numpy, tensors of torch) as lowering reads it: the one converter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, NoReturn

import numpy as np

from qkernel.diagnostics import Span, in_short
from qkernel.errors import BindingShapeError, BindingTypeError, NotFiniteError, ObservableError, ValidationError
from qkernel.ir.operators import MAX_INTEGER_BITS, MAX_INTEGER_DIGITS
from qkernel.ir.python_values import wanted
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, ArrayType, DictType, ScalarType, TupleType, Type
from qkernel.observable import Hamiltonian, as_observable, complex_term

Array = np.ndarray[Any, Any]

_LARGEST = np.iinfo(np.int64).max
_NUMERIC = {FLOAT: np.float64, UINT: np.int64, BIT: np.bool_}
_KINDS: dict[Type, str] = {FLOAT: "fiu", UINT: "iu", BIT: "b"}


@dataclass(frozen=True)
class Several:
    """Observables that stand for one argument: the circuit reads out each, and returns once more what it returns for each."""

    observables: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Converter:
    """Brings what is given for an argument into the form that lowering reads, or says what is wrong with it.

    Raises the binding errors of `qkernel.errors` (QK3xx), which name the argument.
    """

    name: str
    span: Span | None = None

    def value(self, value: Any, type: Type, where: str = "") -> Any:
        """A value of `type`; `where` says which part of the argument it is, as in `[0]`."""
        match type:
            case ScalarType():
                return self._scalar(value, type, where)
            case ArrayType(element, rank) if element == OBSERVABLE:
                return self._observables(value, rank, where)
            case ArrayType():
                return self._array(value, type, where)
            case TupleType(items):
                if not isinstance(value, (tuple, list)) or len(value) != len(items):
                    self._wrong_type(value, type, where)
                return tuple(
                    self.value(part, item, f"{where}[{k}]") for k, (part, item) in enumerate(zip(value, items, strict=True))
                )
            case DictType(key_type, value_type):
                if not isinstance(value, Mapping):
                    self._wrong_type(value, type, where)
                return {
                    self.key(key, key_type, where): self.value(part, value_type, f"{where}[{key}]")
                    for key, part in value.items()
                }

    def _scalar(self, value: Any, type: ScalarType, where: str) -> Any:
        value = plain(value)
        if isinstance(value, np.ndarray) and value.ndim and type != OBSERVABLE:
            raise BindingShapeError(
                f"{self._name(where)} is of type {type}, and an array of shape {value.shape} was given",
                span=self.span,
            )
        if isinstance(value, (np.generic, np.ndarray)) and not value.ndim:
            value = value.item()
        if type == OBSERVABLE and (observable := as_observable(value)) is not None:
            return self._hermitian(observable, where)
        if type == OBSERVABLE and isinstance(value, Several):
            return Several(tuple(self._scalar(part, type, f"{where}[{k}]") for k, part in enumerate(value.observables)))
        if type == BIT and isinstance(value, Integral) and value in (0, 1):
            return bool(value)
        if isinstance(value, bool):
            self._wrong_type(value, type, where)
        if type == UINT and isinstance(value, Integral):
            return self._whole(value, where)
        if type == FLOAT and isinstance(value, Real):
            return self._float(value, where)
        self._wrong_type(value, type, where)

    def _whole(self, value: Integral, where: str) -> int:
        if (number := int(value)).bit_length() > MAX_INTEGER_BITS:
            raise ValidationError(f"{self._name(where)} has more than {MAX_INTEGER_DIGITS:,} digits", span=self.span)
        return number

    def _float(self, value: Real, where: str) -> float:
        try:
            return float(self._finite(float(value), where))
        except OverflowError:
            raise NotFiniteError(f"{self._name(where)} is too large for a Float", span=self.span) from None

    def _array(self, value: Any, type: ArrayType, where: str) -> Array:
        array = self.numbers(value, type, where, type.rank)
        if array.dtype.kind == "u" and array.size and array.max() > _LARGEST:
            title = f"{self._name(where)} holds {array.max()}, and whole numbers in arrays go up to {_LARGEST}"
            raise BindingTypeError(title, span=self.span)
        result: Array = array.astype(_NUMERIC[type.element])
        if type.element == FLOAT:
            self._finite(result, where)
        return result

    def numbers(self, value: Any, type: Type, where: str = "", rank: int | None = None) -> Array:
        """Numbers of the element type of `type` as an array of `rank` axes, or of any number of them."""
        array = as_array(value, type.element)
        if array is None or (rank is not None and not array.ndim):
            self._wrong_type(value, type, where)
        if rank is not None and array.ndim != rank:
            kind = f"is of type {type}, with {_axes(rank)}"
            raise BindingShapeError(
                f"{self._name(where)} {kind}, and an array of shape {array.shape} was given", span=self.span
            )
        if array.size and not fits(array.dtype, type.element):
            self._wrong_type(value if type.element == BIT or not array.ndim else array, type, where)
        return array

    def _observables(self, value: Any, rank: int, where: str) -> Any:
        if not isinstance(value, (list, tuple)) and not (isinstance(value, np.ndarray) and value.ndim):
            self._wrong_type(value, ArrayType(OBSERVABLE, rank), where)
        part = OBSERVABLE if rank == 1 else ArrayType(OBSERVABLE, rank - 1)
        return tuple(self.value(item, part, f"{where}[{k}]") for k, item in enumerate(value))

    def key(self, key: Any, type: Type, where: str = "") -> int | tuple[int, ...]:
        """A key of a dictionary."""
        parts = list(key) if isinstance(key, (tuple, list, np.ndarray)) else [key]
        whole = all(isinstance(part, Integral) and not isinstance(part, (bool, np.bool_)) for part in parts)
        arity = 1 if type == UINT else len(type.items) if isinstance(type, TupleType) else len(parts)
        if not whole or len(parts) != arity or (type == UINT) == isinstance(key, (tuple, list, np.ndarray)):
            raise BindingTypeError(f"a key of {self._name(where)} is of type {type}, and `{key!r}` was given", span=self.span)
        numbers = tuple(self._whole(part, where) for part in parts)
        return numbers[0] if type == UINT else numbers

    def _hermitian(self, value: Hamiltonian, where: str) -> Hamiltonian:
        if not value.is_hermitian:
            term, help = complex_term(value, self.name)
            raise ObservableError(
                f"{self._name(where)} has complex coefficients, so that it is not an observable: {term}",
                span=self.span,
                help=help,
            )
        return value

    def _finite(self, value: Any, where: str) -> Any:
        if not np.isfinite(value).all():
            index = "".join(f"[{k}]" for k in np.argwhere(~np.isfinite(value))[0]) if np.ndim(value) else ""
            shown = np.asarray(value)[~np.isfinite(value)].flat[0]
            raise NotFiniteError(f"{self._name(where + index)} is {shown}", span=self.span)
        return value

    def _wrong_type(self, value: Any, type: Type, where: str) -> NoReturn:
        title = f"{self._name(where)} is of type {type}, and {shown(value)} was given"
        is_complex = isinstance(value, complex | np.generic | np.ndarray) and np.iscomplexobj(value)
        parts = "; complex numbers go in as two arguments, `x.real` and `x.imag`" if is_complex else ""
        raise BindingTypeError(title, span=self.span, help=wanted(type) + parts)

    def _name(self, where: str) -> str:
        return f"`{self.name}{where}`"


def _axes(rank: int) -> str:
    return "one axis" if rank == 1 else f"{rank} axes"


def shown(value: Any) -> str:
    """A value that does not fit, in a few words."""
    match value:
        case None:
            return "`None`"
        case bool() | np.bool_():
            return f"the bool `{bool(value)}`"
        case np.ndarray() if value.ndim:
            return f"an array of {value.dtype}"
    return f"`{in_short(value)}` ({value.__class__.__name__})"


def plain(value: Any) -> Any:
    """A torch tensor as an array (a view where there can be one); anything else, and a tensor without data, as it is."""
    if type(value).__module__ != "torch" and not hasattr(value, "detach"):
        return value
    try:
        tensor = value.detach().cpu()
        return tensor.numpy() if str(tensor.dtype) != "torch.bfloat16" else tensor.double().numpy()
    except (TypeError, ValueError, RuntimeError, NotImplementedError):
        return value


def as_array(value: Any, element: Type = FLOAT) -> Array | None:
    """`value` as an array of numbers or bools; None if it is not one. For a Bit 1 and 0 are True and False."""
    if isinstance(value, (str, bytes, bytearray, memoryview, Mapping, np.ma.MaskedArray)) or value is None:
        return None
    listed = isinstance(value, (list, tuple))
    if listed and any(hasattr(part, "detach") for part in value):
        value = [plain(part) for part in value]
    try:
        array = np.asarray(plain(value))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None
    if array.dtype.kind == "O":
        array = _of_objects(array)
    if array.dtype.kind not in "fiub":
        return None
    if element == BIT:
        return array.astype(bool) if array.dtype.kind != "f" and ((array == 0) | (array == 1)).all() else array
    return None if listed and array.dtype.kind != "b" and _holds_bool(value) else array


def _of_objects(array: Array) -> Array:
    """An array of Python's real numbers, such as fractions, as one of numpy's; any other array as it is."""
    entries = array.ravel().tolist()
    if not entries or not all(isinstance(entry, Real) and not isinstance(entry, bool) for entry in entries):
        return array
    kind = np.int64 if all(isinstance(entry, Integral) for entry in entries) else np.float64
    try:
        return np.array([*map(float if kind is np.float64 else int, entries)], kind).reshape(array.shape)
    except OverflowError:
        return array


def fits(dtype: np.dtype[Any], element: Type) -> bool:
    """Whether numbers of a type of numpy's are of type `element`."""
    return dtype.kind in _KINDS[element]


def _holds_bool(values: Iterable[Any]) -> bool:
    return any(_holds_bool(part) if isinstance(part, (list, tuple)) else isinstance(part, bool) for part in values)
