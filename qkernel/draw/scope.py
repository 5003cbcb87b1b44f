"""What is known of a function while it is drawn: its values, its places, who called it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qkernel.diagnostics import Span
from qkernel.draw.labels import label
from qkernel.errors import ArithmeticEvaluationError, QubitIndexResolutionError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, Slice
from qkernel.ir.ops import Function
from qkernel.ir.places import Place
from qkernel.ir.types import QUBIT, ArrayType, ScalarType


@dataclass(slots=True)
class Scope:
    """One function being read: values of its classical names, places of its registers, and who called it.

    `is_certain` is False below a condition that is open. `rewritten` maps names of bits that a loop's body measures to the
    wires of the bits that they replace in the next iteration.
    """

    function: Function
    environment: dict[str, Any]
    places: dict[str, Place]
    callers: tuple[str, ...] = ()
    is_certain: bool = True
    rewritten: dict[str, str] = field(default_factory=dict)

    def resolve(self, expr: Expr, span: Span | None = None) -> Any:
        """The value of `expr` as far as it is known: a plain value, or an expression in the drawing's names."""
        try:
            return evaluate(expr, self.environment)
        except QubitIndexResolutionError as error:
            raise QubitIndexResolutionError(error.title, span=span, label=error.label, help=error.help) from None
        except LookupError as error:
            raise QubitIndexResolutionError(
                f"`{label(expr)}` is outside its vector or dictionary", span=span, label=str(error)
            ) from None
        except (ArithmeticError, ValueError) as error:
            raise ArithmeticEvaluationError(f"`{label(expr)}` has no value", span=span, label=str(error)) from None

    def branch(self) -> Scope:
        """The same function below a branch or loop: what it learns there is forgotten afterwards."""
        return replace(self, environment=dict(self.environment), places=dict(self.places), rewritten=dict(self.rewritten))


def register_value(name: str, place: Place) -> Any:
    """What a register's name stands for in expressions: something that has its length."""
    match place.length:
        case Const(int(length)):
            return range(length)
        case None:
            return Name(name, QUBIT)
        case length:
            return Slice(Name(name, ArrayType(QUBIT)), ZERO, ONE, length)


def argument_label(name: str, value: Any) -> str:
    """A classical argument: `weights`, `offset=4`, and vectors by the name that they have where the call stands."""
    text = label(value)
    if text == name or (isinstance(value, Name) and not isinstance(value.type, ScalarType)):
        return text
    return f"{name}={text}"


def describe_arguments(values: Mapping[str, Any]) -> str:
    """Arguments on one line."""
    return ", ".join(argument_label(name, value) for name, value in values.items())
