"""`@struct`: a frozen record of kernel values, grouped while tracing."""

from __future__ import annotations

import dataclasses
import typing
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
