"""One-qubit gates on whole registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qkernel.diagnostics import counted
from qkernel.errors import BindingShapeError
from qkernel.ir.expressions import Expr
from qkernel.ir.ops import Gate
from qkernel.lower.columns import Group, Row
from qkernel.lower.evaluation import element, value
from qkernel.lower.values import NotVectorised, OpenArray, numbers


def per_qubit(op: Gate, names: dict[str, Any], count: int) -> list[Any]:
    """The angles of a gate on `count` qubits, each one value for all or a vector of that length."""
    angles = [value(angle, names) for angle in op.angles]
    for angle in filter(_is_vector, angles):
        length = angle.lengths[0] if type(angle) is OpenArray else len(angle)
        if length is not None and length != count:
            raise BindingShapeError(
                f"{counted(length, 'angle')} for {counted(count, 'qubit')}",
                label=f"{count} qubits",
                help="give one angle for all qubits, or one for each",
            )
    return angles


def rows(op: Gate, code: int, qubits: Sequence[int], angles: list[Any], span: int) -> list[Row]:
    """One gate for each qubit."""
    return [
        (
            code,
            (qubit,),
            [element(angle, [k], expr) if _is_vector(angle) else angle for angle, expr in zip(angles, op.angles, strict=True)],
            span,
        )
        for k, qubit in enumerate(qubits)
    ]


def group(code: int, qubits: Sequence[int], angles: list[Any], span: int) -> Group:
    """The same for `Columns.extend`. Raises `NotVectorised` if the angles are no numbers or affine values."""
    columns = [_column(angle, len(qubits)) for angle in angles]
    return Group(code, np.array(qubits, np.int32)[:, None], columns, span, np.arange(len(qubits)))


def _column(angle: Any, count: int) -> Any:
    match angle:
        case OpenArray():
            return angle.element([np.arange(count)])
        case Expr():
            raise NotVectorised
        case list():
            return numbers(angle)
    return angle


def _is_vector(angle: Any) -> bool:
    return isinstance(angle, (list, OpenArray))
