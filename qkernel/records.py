"""`@struct`: a frozen record of kernel values and kernels, grouped while tracing; all else in the system knows its fields."""

from __future__ import annotations

import collections.abc
import dataclasses
import sys
import typing
from collections.abc import Iterable, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

from qkernel.errors import MissingAnnotationError

if TYPE_CHECKING:
    from typing import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Any:
        return lambda function: function


_NUMBERS = (int, float, bool)


@dataclass_transform(frozen_default=True)
def struct(kind: type[Any]) -> Any:
    """Make a frozen record of a class with annotated fields; it may stand in a kernel's arguments and result."""
    record = dataclasses.dataclass(frozen=True)(kind)
    names = [field.name for field in dataclasses.fields(record)]
    try:
        hints = typing.get_type_hints(record, localns={**vars(record), **local_names(kind.__qualname__, kind.__module__)})
    except Exception as error:
        raise MissingAnnotationError(
            f"an annotation of `{kind.__name__}` cannot be read: {error}",
            help="annotate its fields with types defined before it",
        ) from error
    for name in names:
        if isinstance(hints[name], type) and hints[name].__module__ == "builtins" and hints[name] not in (*_NUMBERS, tuple):
            raise MissingAnnotationError(
                f"the field `{name}` of `{kind.__name__}` is a `{hints[name].__name__}`, which no kernel has",
                help=f"annotate it with a type of kernels, such as `{name}: qk.Float`",
            )
    record.struct_fields = {name: hints[name] for name in names}
    return record


def is_kernel(hint: Any) -> bool:
    """Whether an annotation is `Kernel[...]`, or `Callable[...]`, which type checkers know functions to be."""
    origin = typing.get_origin(hint) or hint
    return origin is collections.abc.Callable or hasattr(origin, "outline")


def local_names(qualified_name: str, module: str) -> dict[str, Any]:
    """What names mean in the functions around something that is being defined: where postponed annotations are looked up."""
    found: dict[str, Any] = {}
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if qualified_name.startswith(f"{frame.f_code.co_qualname}.<locals>.") and frame.f_globals.get("__name__") == module:
            found = {**frame.f_locals, **found}
        frame = frame.f_back
    return found


def is_redefined(kind: type, other: type) -> bool:
    """Whether one class of records is another one, defined anew."""
    are_records = hasattr(kind, "struct_fields") and hasattr(other, "struct_fields")
    return are_records and (kind.__module__, kind.__qualname__) == (other.__module__, other.__qualname__)


def is_same_record(kind: type, other: type) -> bool:
    """Whether two classes are one, or one that was defined anew with the same fields in the same order."""
    if kind is other:
        return True
    return is_redefined(kind, other) and [*kind.struct_fields.items()] == [*other.struct_fields.items()]  # type: ignore[attr-defined]


def record_fields(value: Any) -> dict[str, Any] | None:
    """The fields of a record with their values; None for anything else."""
    names = getattr(type(value), "struct_fields", None)
    return None if names is None else {name: getattr(value, name) for name in names}


def spread(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by argument, as the IR names arguments: a record is its fields, `drive.angle`, `drive.shifts`, without kernels."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        fields = record_fields(value)
        if fields is None:
            found[name] = value
        else:
            kinds = type(value).struct_fields
            found.update((f"{name}.{field}", entry) for field, entry in fields.items() if not is_kernel(kinds[field]))
    return found


def fields_among(names: Iterable[str], record: str) -> list[str]:
    """Those of `names` that are fields of the argument `record`; `record` itself where none is."""
    return [name for name in names if name.startswith(f"{record}.")] or [record]
