"""What to write where a value of some type is wanted, for the help of errors."""

from __future__ import annotations

from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, ArrayType, DictType, TupleType, Type

_WANTED = {
    UINT: ("a whole number is wanted, such as `3`", "whole numbers", "0, 2"),
    FLOAT: ("a real number is wanted, such as `0.5`", "real numbers", "0.1, 0.2"),
    BIT: ("a bit is wanted: `True` or `False`, 1 or 0", "bits", "True, False"),
    OBSERVABLE: ("bind a Hamiltonian, such as `qko.Z(0)`", "Hamiltonians", "qko.Z(0), qko.X(1)"),
}


def wanted(type: Type) -> str:
    """What a value of a classical `type` is, with an example."""
    match type:
        case DictType(key):
            return f"a dictionary is wanted, such as `{{{'0' if key == UINT else '(0, 1)'}: 0.5}}`"
        case TupleType(items):
            return f"a tuple of {len(items)} values is wanted"
        case ArrayType(element, rank):
            _, plural, example = _WANTED[element]
            return f"a list, tuple or array of {plural} is wanted, such as `{'[' * rank}{example}{']' * rank}`"
    return _WANTED[type][0]
