"""The open parameters of a circuit: symbols while it is lowered, in the end columns of its angle map and names in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import numpy as np

from qkernel.diagnostics import Span
from qkernel.ir.expressions import Apply, Const, Expr, Item, Name, SystemName, wrap
from qkernel.ir.operators import result_type
from qkernel.ir.ops import Parameter
from qkernel.ir.trees import substitute
from qkernel.ir.types import ArrayType, DictType
from qkernel.lower.angles import AngleMap, OpenParameter
from qkernel.lower.columns import Columns
from qkernel.lower.lengths import Lengths
from qkernel.lower.preparation import Load, Preparation
from qkernel.lower.values import ELEMENT_BITS, Affine, Array, OpenArray, OpenDictionary, PerIteration, symbol_name, symbols_of

_ELEMENT = (1 << ELEMENT_BITS) - 1


@dataclass(slots=True)
class _Prepared:
    """A vector of amplitudes that is known later."""

    name: str
    amplitudes: list[Any]
    is_complex: bool
    span: Span | None
    load: Load | None = None


@dataclass
class OpenParameters:
    """The open parameters in signature order; parameter k has the symbols from `k << ELEMENT_BITS` on.

    Behind them come, alike, the angles of each vector of `preparations`.
    """

    parameters: tuple[Parameter, ...]
    lengths: Lengths
    values: dict[str, Any] = field(init=False)
    preparations: list[_Prepared] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values = {
            parameter.name: self._value(parameter, number << ELEMENT_BITS) for number, parameter in enumerate(self.parameters)
        }

    def _value(self, parameter: Parameter, symbol: int) -> Affine | OpenArray | OpenDictionary:
        match parameter.type:
            case ArrayType(_, rank):
                lengths = self.lengths.known.get(parameter.name, (None,) * rank)
                return OpenArray(parameter.name, symbol, ELEMENT_BITS // rank, lengths)
            case DictType():
                keys = self.lengths.known.get(parameter.name)
                numbers = {key: number for number, key in enumerate(keys or ())}
                return OpenDictionary(parameter.name, symbol, numbers, keys is not None)
        return Affine(0, ((symbol, 1),))

    def prepared(self, name: str, amplitudes: list[Any], is_complex: bool, span: Span | None) -> list[Affine]:
        """The angles of the gates that make a state of `amplitudes`, which the kernel writes as `name`."""
        first = len(self.parameters) + len(self.preparations) << ELEMENT_BITS
        self.preparations.append(_Prepared(name, amplitudes, is_complex, span))
        return [Affine(0, ((first + k, 1),)) for k in range(len(amplitudes) - 1)]

    def names(self, expr: Expr) -> list[str]:
        """The open parameters that `expr` depends on, in signature order."""
        numbers = {symbol >> ELEMENT_BITS for symbol in symbols_of(expr)}
        return [self.parameters[number].name for number in sorted(numbers)]

    def written(self, expr: Expr) -> Expr:
        """`expr` with each symbol written as what it is in the kernel: `theta`, `weights[3]`."""
        symbols = symbols_of(expr)
        return substitute(expr, {symbol_name(symbol).key: self._element(symbol) for symbol in symbols}) if symbols else expr

    def _element(self, symbol: int) -> Expr:
        parameter, code = self.parameters[symbol >> ELEMENT_BITS], symbol & _ELEMENT
        base = Name(parameter.name, parameter.type)
        match parameter.type:
            case ArrayType(_, 1):
                return Item(base, (Const(code),))
            case ArrayType(_, rank):
                bits = ELEMENT_BITS // rank
                return Item(base, tuple(Const(code >> bits * axis & ((1 << bits) - 1)) for axis in reversed(range(rank))))
            case DictType():
                return Item(base, (wrap(self._keys(parameter.name)[code]),))
        return base

    def _keys(self, name: str) -> list[Any]:
        return list(self.values[name].keys)

    def angle_map(self, columns: Columns, outputs: Iterable[Expr]) -> AngleMap:
        """The angle map of what was written; a parameter has the columns that the angles and `outputs` use."""
        starts_of_vectors = [columns.unattached(part.amplitudes) for part in self.preparations]
        symbols = np.frombuffer(columns.symbols, np.int64)
        writer = _Writer(self._element)
        non_affine = writer.non_affine(columns)
        loose = [symbol for expr in outputs for symbol in symbols_of(expr)]
        rows, coefficients = np.frombuffer(columns.rows, np.int32), np.frombuffer(columns.coefficients)
        prepared = self._preparations(starts_of_vectors, symbols, rows, coefficients)
        if prepared:
            own = symbols >> ELEMENT_BITS < len(self.parameters)
            symbols, rows, coefficients = symbols[own], rows[own], coefficients[own]
        more = [*loose, *writer.leaves]
        used = np.concatenate([symbols, np.array(more, np.int64)]) if more else symbols
        parameters: list[OpenParameter] = []
        places, start = symbols & _ELEMENT, 0
        owners = symbols >> ELEMENT_BITS
        starts = np.zeros(len(self.parameters) + 1, np.int64)
        for number, parameter in enumerate(self.parameters):
            starts[number] = start
            entry = self._column_layout(parameter, number, used, start)
            if entry.is_dictionary or len(entry.shape) > 1:
                mine = owners == number
                places[mine] = self._places(entry, places[mine])
            parameters.append(entry)
            start += entry.size
        rows, targets, coefficients = _canonical(rows, starts[owners] + places, coefficients, max(start, 1))
        return AngleMap(tuple(parameters), np.array(columns.offsets), rows, targets, coefficients, non_affine, prepared)

    def _preparations(self, starts: list[int], symbols: Array, rows: Array, coefficients: Array) -> tuple[Preparation, ...]:
        """What becomes of each vector: its amplitudes begin at the slot that `starts` has for it."""
        found = []
        for number, (start, part) in enumerate(zip(starts, self.preparations, strict=True), len(self.parameters)):
            mine = symbols >> ELEMENT_BITS == number
            stop = start + len(part.amplitudes)
            positions = symbols[mine] & _ELEMENT
            by_slot = rows[mine], positions, coefficients[mine]
            found.append(Preparation(part.name, start, stop, *by_slot, part.load is not None, part.is_complex, part.span))
        return tuple(found)

    def loads(self, angles: AngleMap) -> tuple[Load, ...]:
        """The vectors that simulators may set."""
        pairs = zip(self.preparations, angles.preparations, strict=True)
        return tuple(replace(part.load, amplitudes=made.start) for part, made in pairs if part.load is not None)

    def _column_layout(self, parameter: Parameter, number: int, used: Array, start: int) -> OpenParameter:
        name, type_ = parameter.name, parameter.type
        match type_:
            case ArrayType(_, rank):
                mine = _of_parameter(used, number)
                shape = (0,) * rank
                if len(mine):
                    last = mine.max(keepdims=True) if rank == 1 else mine  # of one axis the largest symbol tells
                    shape = tuple(int(k) + 1 for k in _indices(last & _ELEMENT, rank).max(1))
                if (given := self.lengths.known.get(name)) is not None:
                    asked = self.values[name].asked
                    used_part = tuple(given[axis] if axis in asked else shape[axis] for axis in range(rank))
                    shape = used_part if self.lengths.trims and len(mine) and 0 not in given else given
                return OpenParameter(name, type_, start, shape)
            case DictType():
                mine = _of_parameter(used, number) & _ELEMENT
                listed, known = self._keys(name), self.lengths.known.get(name)
                keys = tuple(sorted(known if known is not None else (listed[code] for code in set(mine.tolist()))))
                return OpenParameter(name, type_, start, (len(keys),), keys)
        return OpenParameter(name, type_, start)

    def _places(self, entry: OpenParameter, codes: Array) -> Array:
        """The columns, counted from the parameter's first, of elements of a dictionary, matrix or tensor."""
        if isinstance(entry.type, DictType):
            order = {key: k for k, key in enumerate(entry.keys)}
            listed = self._keys(entry.name)
            return np.array([order[listed[code]] for code in codes.tolist()], np.int64)
        return np.ravel_multi_index(tuple(_indices(codes, len(entry.shape))), entry.shape) if len(codes) else codes


def _of_parameter(symbols: Array, number: int) -> Array:
    own = symbols >> ELEMENT_BITS == number
    return symbols if own.all() else symbols[own]


def _indices(codes: Array, rank: int) -> Array:
    """The index along each axis, shape (rank, elements)."""
    bits = ELEMENT_BITS // rank
    return np.stack([(codes >> bits * (rank - 1 - axis)) & ((1 << bits) - 1) for axis in range(rank)])


def _canonical(rows: Array, columns: Array, coefficients: Array, width: int) -> tuple[Array, Array, Array]:
    """The entries in order, equal positions added up, zeros left out."""
    position = rows.astype(np.int64) * width + columns
    if not (position[1:] > position[:-1]).all():
        order = np.argsort(position, kind="stable")
        position, starts = np.unique(position[order], return_index=True)
        coefficients = np.add.reduceat(coefficients[order], starts)
        rows, columns = np.divmod(position, width)
    if not coefficients.all():
        kept = coefficients != 0
        rows, columns, coefficients = rows[kept], columns[kept], coefficients[kept]
    return rows.astype(np.int32, copy=False), columns.astype(np.int32), coefficients


class _Writer:
    """Writes symbols as what they are in the kernel (`theta`, `weights[3]`), by `element`; `leaves` are those that it met."""

    def __init__(self, element: Callable[[int], Expr]) -> None:
        self.element = element
        self.leaves: dict[int, Expr] = {}
        self._written: dict[Expr, Expr] = {}

    def non_affine(self, columns: Columns) -> tuple[tuple[int, Expr], ...]:
        """The angles that are not affine, by slot."""
        entries = [(slot, self.written(angle)) for slot, angle in columns.non_affine]
        for slots, angle in columns.spread:
            entries += zip(slots.tolist(), self._iterations(angle, len(slots)), strict=True)
        return tuple(sorted(entries, key=itemgetter(0)))

    def written(self, expr: Expr) -> Expr:
        """An angle with its symbols written out."""
        match expr:
            case Apply(operator, operands):
                if (found := self._written.get(expr)) is None:
                    found = self._written[expr] = Apply(operator, tuple(map(self.written, operands)))
                return found
            case SystemName(key):
                return self.leaf(key.number)
        return expr

    def _iterations(self, expr: Expr, count: int) -> list[Expr]:
        """What an angle is in each of `count` iterations."""
        match expr:
            case Apply(name, operands) if _varies(expr):
                return _applied(name, *(self._iterations(operand, count) for operand in operands))
            case PerIteration(values):
                return self._sums(values, count)
        return [self.written(expr)] * count

    def leaf(self, symbol: int) -> Expr:
        """What a symbol is."""
        if (found := self.leaves.get(symbol)) is None:
            found = self.leaves[symbol] = self.element(symbol)
        return found

    def _sums(self, values: Affine, count: int) -> list[Expr]:
        totals: list[Expr] | None = None
        for symbol, coefficient in values.all_terms:
            terms = [self.leaf(entry) for entry in _listed(symbol, count)]
            if isinstance(coefficient, np.ndarray) or coefficient != 1:
                factors = map(Const, _listed(coefficient, count))
                terms = _applied("*", terms, list(factors))
            totals = terms if totals is None else _applied("+", totals, terms)
        if totals is None:
            return list(map(Const, _listed(values.constant, count)))
        if isinstance(values.constant, np.ndarray) or values.constant != 0:
            totals = _applied("+", totals, list(map(Const, _listed(values.constant, count))))
        return totals


def _varies(expr: Expr) -> bool:
    return isinstance(expr, PerIteration) or any(map(_varies, expr.children))


def _applied(name: str, *columns: list[Expr]) -> list[Expr]:
    """An operator in each iteration; a column has the values of an operand, which are of one type."""
    kind = result_type(name, [values[0].type for values in columns])
    return [Apply(name, operands, kind) for operands in zip(*columns, strict=True)]


def _listed(value: Any, count: int) -> list[Any]:
    """A number for each iteration."""
    entries: list[Any] = np.broadcast_to(value, count).tolist()
    return entries
