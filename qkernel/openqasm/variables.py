"""Classical variables of OpenQASM: declared where a kernel's values are known only at run time."""

from __future__ import annotations

from collections.abc import Sequence

from qkernel.diagnostics import written_name
from qkernel.ir.expressions import Const, Expr, Name, Pack, Slice, Updated, item, size
from qkernel.ir.ops import Carried
from qkernel.ir.trees import free_names
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType, Type
from qkernel.openqasm.scope import Frame, Needed, Scope, Text, known

WORDS = {FLOAT: "float[64]", UINT: "int[64]", BIT: "bit"}
"""The types of variables."""


def array_word(type: Type, shape: Sequence[int]) -> str:
    """The type of an array."""
    return f"array[{WORDS[type.element].replace('bit', 'bool')}, {', '.join(map(str, shape))}]"  # type: ignore[index]


def bit_string(bits: Sequence[Expr]) -> str:
    """Bits that are known, the last one first."""
    return f'"{"".join(str(int(bit.value)) for bit in reversed(bits))}"'  # type: ignore[attr-defined]


class Variables:
    """Writes the variables of one function. `is_top` says that what is written is at the top of the program."""

    document: Text
    frame: Frame
    is_top: bool

    @property
    def scope(self) -> Scope:
        return self.frame.scope

    def declare(self, name: str, type: Type, value: Expr | str | None, shape: tuple[int, ...] = ()) -> list[str]:
        """A variable of the text that the kernel calls `name`, and its first value: an expression, a text, or none yet."""
        text = self.scope.names.fresh(written_name(name))
        known_value = self.frame.value(value) if isinstance(value, Expr) else value
        if isinstance(type, ArrayType):
            shape = shape or self.shape(known_value)
            self.scope.shapes[text] = shape
        self.frame.values[name] = Name(text, type)
        word = f"bit[{shape[0]}]" if type == ArrayType(BIT) else WORDS.get(type, "")  # type: ignore[arg-type]
        line = self.document.returned.get(name) if self.is_top else None
        if line is not None and line not in self.document.outputs:
            self.document.outputs[line] = text, f"output {word or array_word(type, shape)} {text};"
            return [] if known_value is None else self.assign(text, type, known_value)
        if not word:
            if not self.scope.is_program or type.element not in WORDS:
                raise Needed(Name(text, type))
            self.document.arrays.append(f"{array_word(type, shape)} {text};")
            return [] if known_value is None else self.assign(text, type, known_value)
        if not shape and known_value is not None:
            shown = known_value if isinstance(known_value, str) else self.scope.write(known_value)
            return [f"{word} {text} = {shown};"]
        if isinstance(known_value, str):
            return [f"{word} {text} = {known_value};"]
        if shape == (0,):
            self.frame.values[name] = Pack((), type)
            return []
        return [f"{word} {text};", *([] if known_value is None else self.assign(text, type, known_value))]

    def shape(self, value: Expr | str | None) -> tuple[int, ...]:
        """The lengths of an array; none of a number."""
        return self.shape_in(self.frame, value)

    @staticmethod
    def shape_in(frame: Frame, value: Expr | str | None) -> tuple[int, ...]:
        if not isinstance(value, Expr) or not isinstance(value.type, ArrayType):
            return ()
        return tuple(known(frame.sized(size(value, axis))) for axis in range(value.type.rank))

    def assign(self, text: str, type: Type, value: Expr | str) -> list[str]:
        """An assignment; of an array as a whole where there is one of its value, else of those elements that change."""
        if isinstance(value, str):
            return [f"{text} = {value};"]
        if not isinstance(type, ArrayType):
            return [f"{text} = {self.scope.write(value)};"]
        match value:
            case Name(name):
                return [] if name == text else [f"{text} = {name};"]
            case Updated(base, key, element) if not (isinstance(key, Const) and isinstance(base, (Pack, Slice))):
                return [*self.assign(text, type, base), f"{text}[{self.scope.write(key)}] = {self.scope.write(element)};"]
        parts = [item(value, Const(k)) for k in range(self.frame.length(value))]
        if type == ArrayType(BIT) and all(isinstance(part, Const) for part in parts):
            return [f"{text} = {bit_string(parts)};"]
        return [line for k, part in enumerate(parts) for line in self.assign(f"{text}[{k}]", type.entry, part)]

    def assign_all(self, targets: Sequence[Expr], values: Sequence[Expr]) -> list[str]:
        """Variables that all get values at once."""
        lines: list[str] = []
        written, values = set[str](), list(values)
        for k, value in enumerate(values):  # what reads one that is written before it is kept first
            if written & free_names(value):
                if isinstance(value.type, ArrayType):
                    raise Needed(value)
                own = self.scope.names.fresh("next")
                lines.append(f"{WORDS[value.type]} {own} = {self.scope.write(value)};")  # type: ignore[index]
                values[k] = Name(own, value.type)
            written |= free_names(targets[k])
        for target, value in zip(targets, values, strict=True):
            if target is not value and isinstance(target, Name):
                lines += self.assign(target.name, target.type, value)
        return lines

    def next(self, carried: Sequence[Carried]) -> list[str]:
        """What a loop carries from one iteration to the next."""
        values = [self.frame.value(entry.next) for entry in carried]
        return self.assign_all([self.frame.values[entry.name] for entry in carried], values)
