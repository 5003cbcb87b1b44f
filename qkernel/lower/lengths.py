"""What is known of open arguments before they have values: shapes of arrays, keys of dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qkernel.diagnostics import counted, did_you_mean
from qkernel.errors import BindingShapeError, BindingTypeError, UnknownBindingError
from qkernel.ir.ops import Function, Parameter
from qkernel.ir.types import ArrayType, DictType, Type
from qkernel.lower.angles import OpenParameter
from qkernel.lower.given_values import Converter, as_array
from qkernel.lower.values import example_shape
from qkernel.records import spread

Known = dict[str, tuple[Any, ...]]
"""Shapes of arrays and keys of dictionaries, by argument."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Shapes of open arrays and keys of open dictionaries that are known before these have values.

    What is not `known` is as long as the circuit uses it; with `trims` so is an axis whose length the kernel never asks for.
    """

    known: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    trims: bool = False

    def refuse_unused(self, parameters: Iterable[OpenParameter]) -> None:
        """Raise where the circuit, which trims, uses less of an array than is known to be there."""
        for parameter in parameters:
            shape = self.known.get(parameter.name)
            if shape is not None and not parameter.is_dictionary and np.prod(shape) and parameter.shape != shape:
                raise BindingShapeError(
                    f"`{parameter.name}` has the shape {parameter.shape} in this circuit, and the shape {shape} was given",
                    label="the rest would be without effect: the circuit uses no more, and does not ask for the length",
                )


def given_lengths(entry: Function, lengths: Mapping[str, Any] | None) -> Known:
    """The shapes and keys that a user gives, by argument; raises the binding errors for what fits no argument."""
    if not lengths:
        return {}
    if not isinstance(lengths, Mapping):
        raise BindingTypeError(f"`lengths` is a dictionary from names to lengths, not `{lengths!r}`")
    known = {parameter.name: parameter for parameter in entry.parameters}
    whole = {name: value for name, value in spread(lengths).items() if name in lengths or _has_shape(known.get(name))}
    for name in whole:
        if name not in known:
            title = f"`{entry.name}` has no argument `{name}`{did_you_mean(str(name), list(known))}"
            raise UnknownBindingError(title, span=entry.span)
    return {name: _given(known[name], value) for name, value in whole.items()}


def _has_shape(parameter: Parameter | None) -> bool:
    """Whether it can be given: of a record whose lengths are given, numbers have none. What is unknown is to be refused."""
    return parameter is None or isinstance(parameter.type, (ArrayType, DictType))


def _given(parameter: Parameter, value: Any) -> tuple[Any, ...]:
    name, type = parameter.name, parameter.type
    match type:
        case DictType(key):
            if not isinstance(value, Iterable) or isinstance(value, str):
                raise BindingTypeError(f"the keys of `{name}` are wanted, and `{value!r}` was given", span=parameter.span)
            return _keys(parameter, key, value)
        case ArrayType(_, rank):
            shape = tuple(value) if isinstance(value, (tuple, list)) else (value,)
            if not all(isinstance(length, int) and not isinstance(length, bool) and length >= 0 for length in shape):
                raise BindingTypeError(
                    f"the lengths of `{name}` are whole numbers, and `{value!r}` was given",
                    span=parameter.span,
                    help=f'write `lengths={{"{name}": {example_shape(rank)}}}`',
                )
            return checked_shape(parameter, shape)
    raise BindingTypeError(f"`{name}` is a {type}, which has no shape to give", span=parameter.span)


def checked_shape(parameter: Parameter, shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape`, if it is one that the argument can have: of a scalar (), of a dictionary the number of its keys."""
    type = parameter.type
    rank = type.rank if isinstance(type, ArrayType) else int(isinstance(type, DictType))
    if len(shape) != rank or min(shape, default=0) < 0:
        raise BindingShapeError(
            f"`{parameter.name}` is a {type}, and the shape {shape} was given",
            span=parameter.span,
            help=f"a shape of it has {counted(rank, 'length')}, such as `{example_shape(rank)}`"
            if isinstance(type, ArrayType)
            else None,
        )
    return shape


def _keys(parameter: Parameter, type: Type, keys: Iterable[Any]) -> tuple[Any, ...]:
    converter = Converter(parameter.name, parameter.span)
    return tuple(dict.fromkeys(converter.key(key, type) for key in keys))


def lengths_of(entry: Function, values: Mapping[str, Any]) -> Known:
    """The shapes (without a batch axis) and keys that `values` of open arguments have; nothing for a value that fits not."""
    found: Known = {}
    for parameter in entry.parameters:
        if (name := parameter.name) not in values:
            continue
        match parameter.type, values[name]:
            case DictType(key), Mapping() as given:
                found[name] = _keys(parameter, key, given)
            case ArrayType(_, rank), given if (array := as_array(given)) is not None and array.ndim >= rank:
                found[name] = array.shape[array.ndim - rank :]
    return found
