"""`@struct`: a frozen record of kernel values, grouped while tracing; everything else in the system knows its fields."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Any:
        return lambda function: function


@dataclass_transform(frozen_default=True)
def struct(kind: type[Any]) -> Any:
    """Make a frozen record of a class with annotated fields; it may stand in a kernel's arguments and result."""
    record = dataclasses.dataclass(frozen=True)(kind)
    names = [field.name for field in dataclasses.fields(record)]
    hints = typing.get_type_hints(record)
    record.struct_fields = {name: hints[name] for name in names}
    return record


def record_fields(value: Any) -> dict[str, Any] | None:
    """The fields of a record with their values; None for anything else."""
    names = getattr(type(value), "struct_fields", None)
    return None if names is None else {name: getattr(value, name) for name in names}


def spread(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by argument, as the IR names arguments: a record is its fields, `drive.angle`, `drive.shifts`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        fields = record_fields(value)
        found |= {name: value} if fields is None else {f"{name}.{field}": entry for field, entry in fields.items()}
    return found


def fields_among(names: Iterable[str], record: str) -> list[str]:
    """Those of `names` that are fields of the argument `record`; `record` itself where none is."""
    return [name for name in names if name.startswith(f"{record}.")] or [record]
