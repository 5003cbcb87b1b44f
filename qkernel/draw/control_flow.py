"""Loops and branches: frames with their ranges and conditions, or the iterations and the branch that are known."""

from __future__ import annotations

from typing import Any

from qkernel.characters import shorten
from qkernel.draw.builder import Builder
from qkernel.draw.labels import label
from qkernel.draw.scene import Item, Mark, Operation, Section, Touch, ended_wires
from qkernel.draw.scope import Scope
from qkernel.errors import SizeError
from qkernel.ir.expressions import Apply, Const, Expr, Name, Size, apply
from qkernel.ir.ops import Carried, For, If, Range, While
from qkernel.ir.trees import free_names
from qkernel.ir.walk import target_types

_LONGEST_NOTE = 30

Iterations = range | list[tuple[Any, ...]]


def loop_items(builder: Builder, op: For, scope: Scope) -> list[Item]:
    """A `for` loop: nothing if it never runs, its iterations if they are known and wanted, else a frame."""
    iterations, iterable, badge = _domain(op, scope)
    if iterations is not None and not iterations:
        for entry in op.carried:
            scope.environment[entry.name] = scope.resolve(entry.initial, op.span)
        return []
    if iterations is not None and not builder.options.fold_loops:
        return _unrolled(builder, op, iterations, scope)
    unfolded = None
    if iterations is not None and builder.options.keep_bodies:
        unfolded = builder.optional(lambda: _unrolled(builder, op, iterations, scope.branch()))
    return _folded(builder, op, iterable, badge, unfolded, scope)


def _domain(op: For, scope: Scope) -> tuple[Iterations | None, str, str]:
    """The values of the targets in each iteration, if known; the iterable and the number of iterations in words."""
    if isinstance(op.domain, Range):
        bounds = [scope.resolve(part, op.span) for part in (op.domain.start, op.domain.stop, op.domain.step)]
        known = not any(isinstance(bound, Expr) for bound in bounds)
        if not isinstance(bounds[2], Expr) and bounds[2] == 0:
            raise SizeError(f"the step of `{range_label(bounds)}` is 0", span=op.span)
        return range(*bounds) if known else None, range_label(bounds), rounds_label(bounds)
    dictionary = scope.resolve(op.domain.dictionary, op.span)
    iterable = f"{label(op.domain.dictionary)}.items()"
    if isinstance(dictionary, Expr):
        return None, iterable, f"× len({label(dictionary)})"
    iterations = [(*key, value) if len(op.targets) > 2 else (key, value) for key, value in dictionary.items()]
    return iterations, iterable, f"× {len(iterations)}"


def _unrolled(builder: Builder, op: For, iterations: Iterations, scope: Scope) -> list[Item]:
    """A loop, iteration by iteration."""
    carried = {entry.name: scope.resolve(entry.initial, op.span) for entry in op.carried}
    with builder.level() as items:
        for values in iterations:
            builder.step(scope)
            inner = scope.branch()
            inner.environment |= carried
            inner.environment |= dict(zip(op.targets, (values,) if isinstance(values, int) else values, strict=True))
            first = len(builder.wiring.made)
            before = len(items)
            builder.read(op.body, inner, items)
            carried = {entry.name: inner.resolve(entry.next, op.span) for entry in op.carried}
            gone = ended_wires(items[before:])
            made = [wire for wire in builder.wiring.made_since(first) if wire not in gone]
            if made:
                items.append(Operation("", "end", tuple(Touch(wire, Mark.START) for wire in made), ended=tuple(made)))
    scope.environment |= carried
    return items


def _folded(builder: Builder, op: For, iterable: str, badge: str, unfolded: list[Item] | None, scope: Scope) -> list[Item]:
    """A loop as a frame around its body, the targets symbolic."""
    inner = scope.branch()
    names = [builder.wiring.fresh(target) for target in op.targets]
    for target, name, kind in zip(op.targets, names, target_types(op.domain, len(op.targets)) or (), strict=True):
        inner.environment[target] = Name(name, kind)
    changing = _carry(builder, op.carried, scope, inner)
    first = len(builder.wiring.made)
    items = builder.block(op.body, inner, [*names, *changing], is_loop=True)
    builder.wiring.names.difference_update(names)
    notes = [_note(name, begun, inner.resolve(following, op.span)) for name, (begun, following) in changing.items()]
    *keys, last = names
    target = last if not keys else f"{keys[0] if len(keys) == 1 else '(' + ', '.join(keys) + ')'}, {last}"
    title = f"for {target} in {iterable}" + (f" with {', '.join(notes)}" if notes else "")
    return builder.frame(
        "loop", [Section(title, tuple(items))], first, badge=badge, span=op.span,
        tooltip=f"{title}: {badge.removeprefix('× ')} iterations", unrolled=None if unfolded is None else tuple(unfolded),
    )  # fmt: skip


def _carry(builder: Builder, carried: tuple[Carried, ...], scope: Scope, inner: Scope) -> dict[str, tuple[Any, Expr]]:
    """Carried values keep their names in the body and after it, carried bits their wires.

    The names in the drawing of what changes from round to round, with what each begins with and goes on to.
    """
    changing: dict[str, tuple[Any, Expr]] = {}
    initial = {entry.name: scope.resolve(entry.initial) for entry in carried}
    for entry in carried:
        before = initial[entry.name]
        if isinstance(before, Name) and before.name in builder.wiring.bits and isinstance(entry.next, Name):
            scope.environment[entry.name] = inner.environment[entry.name] = before
            inner.rewritten[entry.next.name] = before.name
            continue
        unique = builder.wiring.fresh(entry.name)
        scope.environment[entry.name] = inner.environment[entry.name] = Name(unique, entry.initial.type)
        changing[unique] = before, entry.next
    return changing


def _note(name: str, begun: Any, following: Any) -> str:
    """How a carried value goes on from round to round."""
    return f"{name} = {label(begun)}, then {shorten(label(following), _LONGEST_NOTE)}"


def while_items(builder: Builder, op: While, scope: Scope) -> list[Item]:
    """A `while` loop: a frame, joined to the bits that it reads."""
    inner = scope.branch()
    changing = _carry(builder, op.carried, scope, inner)
    condition = inner.resolve(op.condition, op.span)
    inner.is_certain = False
    title = f"while {label(condition)}"
    first = len(builder.wiring.made)
    section = Section(title, tuple(builder.block(op.body, inner, changing, is_loop=True)))
    return builder.frame("loop", [section], first, bits=bits_read(builder, condition), span=op.span, tooltip=title)


def branch_items(builder: Builder, op: If, scope: Scope) -> list[Item]:
    """An `if`: the branch that is taken if that is known, else a frame with all branches side by side."""
    condition = scope.resolve(op.condition, op.span)
    if not isinstance(condition, Expr):
        items = builder.block(op.then if condition else op.otherwise, scope)
        for joined in op.joined:
            scope.environment[joined.name] = scope.resolve(joined.then if condition else joined.otherwise, op.span)
        return items
    first = len(builder.wiring.made)
    sections = _sections(builder, op, condition, "if", scope)
    for joined in op.joined:
        scope.environment[joined.name] = Name(builder.wiring.fresh(joined.name), joined.then.type)
    bits = bits_read(builder, condition)
    return builder.frame("branch", sections, first, bits=bits, span=op.span, tooltip=sections[0].title)


def _sections(builder: Builder, op: If, condition: Any, word: str, scope: Scope) -> list[Section]:
    """The branches of a condition that is open; an `else` that is only another condition becomes an `elif`."""
    then, otherwise = scope.branch(), scope.branch()
    then.is_certain = otherwise.is_certain = False
    sections = [Section(f"{word} {label(condition)}", tuple(builder.block(op.then, then)))]
    if len(op.otherwise) == 1 and isinstance(op.otherwise[0], If):
        inner = op.otherwise[0]
        second = otherwise.resolve(inner.condition, inner.span)
        if isinstance(second, Expr):
            return sections + _sections(builder, inner, second, "elif", otherwise)
    rest = tuple(builder.block(op.otherwise, otherwise))
    return [*sections, Section("else", rest)] if rest else sections


def bits_read(builder: Builder, condition: Any) -> tuple[int, ...]:
    """The classical wires that a condition or an assigned value reads."""
    names = free_names(condition) if isinstance(condition, Expr) else frozenset()
    return tuple(sorted({builder.wiring.bits[name] for name in names if name in builder.wiring.bits}))


def range_label(bounds: list[Any]) -> str:
    """`range(n)`, `range(1, n)`, `range(n - 1, -1, -1)`."""
    start, stop, step = map(label, bounds)
    if step != "1":
        return f"range({start}, {stop}, {step})"
    return f"range({stop})" if start == "0" else f"range({start}, {stop})"


def _difference(end: Any, begin: Any) -> Any:
    """`end - begin`, numbers first: `2 - k` and not `3 - (k + 1)`."""
    match begin:
        case Apply("+", (first, Const() as number)):
            return apply("-", apply("-", end, number), first)
    return end - begin


def rounds_label(bounds: list[Any]) -> str:
    """How often a loop runs."""
    start, stop, step = bounds
    if not any(isinstance(bound, Expr) for bound in bounds):
        return f"× {max(0, -((start - stop) // step))}"
    if isinstance(step, Expr):
        return f"× len({range_label(bounds)})"
    span = _difference(stop, start) if step > 0 else _difference(start, stop)
    count = span if abs(step) == 1 else apply("ceil", apply("/", span, abs(step)))
    return f"× {label(count)}" if isinstance(count, (Name, Size)) else f"× max(0, {label(count)})"
