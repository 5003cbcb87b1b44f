"""What stands for arguments and loop targets that are not known."""

from __future__ import annotations

from collections.abc import Mapping

from qkernel.estimate.quantity import ONE, Argument, Bound, Local, Quantity, Register, Value, symbol
from qkernel.estimate.scope import NUMBERS, RunTime, Scope
from qkernel.estimate.substitution import length
from qkernel.ir.expressions import Item, Name, Pack
from qkernel.ir.ops import Items, Parameter
from qkernel.ir.types import FLOAT, OBSERVABLE, ScalarType, TupleType, Type, is_quantum
from qkernel.ir.walk import target_types


def formal_value(parameter: Parameter, name: str, nonnegative: bool = False) -> Value:
    """An argument that is not known: a symbol, or for collections a name."""
    match parameter.type:
        case ScalarType("Qubit"):
            return Register(ONE)
        case type if is_quantum(type):
            return Register(length(Argument(name)))
        case ScalarType("Observable"):
            return Argument(name)
        case ScalarType(kind):
            return symbol(name, nonnegative or kind == "Bit")
    return Argument(name)


def is_open(parameter: Parameter, value: Value | RunTime) -> bool:
    """Whether an argument that is no angle, and no array of angles, is not known, so that it may decide counts."""
    is_known = not isinstance(value, Argument) and (not isinstance(value, Quantity) or value.is_constant)
    return not is_known and parameter.type.element != FLOAT


def item_targets(names: Mapping[str, Local], domain: Items, dictionary: Value) -> dict[str, Value | RunTime]:
    """The targets of a loop over items, each by the name that it has in closed forms."""
    types = target_types(domain, len(names))
    assert types is not None
    found: dict[str, Value | RunTime] = {
        target: symbol(name, nonnegative=False) if type in NUMBERS else Argument(name)
        for (target, name), type in zip(names.items(), types, strict=True)
    }
    if types[-1] == OBSERVABLE and isinstance(dictionary, Bound):
        *keys, last = names
        found[last] = _looked_up(dictionary, domain, {key: (found[key], type) for key, type in zip(keys, types, strict=False)})
    return found


def _looked_up(dictionary: Value, domain: Items, keys: Mapping[str, tuple[Value | RunTime, Type]]) -> Value | RunTime:
    """The entry of a known dictionary at a key that is not, so that its words are those of the dictionary's observables."""
    names = tuple(Name(name, kind) for name, (_, kind) in keys.items())
    key = names[0] if len(names) == 1 else Pack(names, TupleType(tuple(name.type for name in names)))
    held = "items()"  # no name of the user's
    scope = Scope({held: dictionary, **{name: value for name, (value, _) in keys.items()}})
    return scope.value(Item(Name(held, domain.dictionary.type), (key,)))
