"""Where the gates are: an estimate as a tree of calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qkernel.errors import EntrypointValidationError, ValidationError
from qkernel.estimate.counts import GateCounts, Number, as_number, gate_counts, plain
from qkernel.estimate.notation import shown
from qkernel.estimate.origin import Origin
from qkernel.estimate.tally import FIELDS, Called, Tally
from qkernel.recursion import deep_stack

if TYPE_CHECKING:
    from qkernel.draw.svg import SvgDrawing


@dataclass(frozen=True)
class CallNode:
    """All calls of one kernel from one place in the tree, and what is done in them, calls inside included."""

    name: str
    calls: Number
    tally: Tally
    children: tuple[CallNode, ...]

    @property
    def gates(self) -> GateCounts:
        """The gates of all these calls together."""
        return gate_counts(self.tally)

    @property
    def qubits(self) -> Number:
        """The qubits that these calls make, workspace that they share once."""
        return plain(self.tally.of("qubits"))

    @property
    def measurements(self) -> Number:
        """The measurements of these calls."""
        return plain(self.tally.of("measurements"))

    def flame(self, field: str = "total") -> SvgDrawing:
        """The tree as a flame graph, an SVG that a notebook shows: bars as wide as the counts of `field`, one of `gates`.

        Raises `EntrypointValidationError` where these are not numbers, `ValidationError` where there is no such field.
        """
        from qkernel.draw.flame import Flame, flame_drawing

        def bar(node: CallNode) -> Flame:
            count = node.gates.fields[field]
            if not isinstance(count, int):
                raise EntrypointValidationError(
                    f"`{field}` of `{node.name}` is {shown(count)}, which is no width", help="give values for open arguments"
                )
            calls = f"{node.calls:,}" if isinstance(node.calls, int) else shown(node.calls)
            times = "" if node.calls == 1 else f" in {calls} calls"
            return Flame(node.name, f"{count:,}{times}", count, tuple(map(bar, node.children)))

        if field not in FIELDS:
            raise ValidationError(f"an estimate has no gates of the class `{field}`", help=f"write one of {', '.join(FIELDS)}")
        with deep_stack():
            root = bar(self)
        counted = "gates" if field == "total" else field.replace("_", " ")
        return flame_drawing(root, f"{counted} of {self.name}, by call")

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = []
        pending = [(self, "", "")]
        while pending:
            node, first, rest = pending.pop()
            times = "" if node.calls == 1 else f" x {shown(node.calls)}"
            lines.append(f"{first}{node.name}{times}: {shown(node.gates.fields.amounts['total'])} gates")
            ends = [("├─ ", "│  ")] * (len(node.children) - 1) + [("└─ ", "   ")]
            inner = [(child, rest + turn, rest + line) for child, (turn, line) in zip(node.children, ends, strict=False)]
            pending += reversed(inner)
        return "\n".join(lines)


def call_tree(origin: Origin) -> CallNode:
    """Fold the module again, keeping apart what each path of calls does."""
    with deep_stack():
        return _node(origin.name, origin.tally(paths=True), 1)


def _node(name: str, tally: Tally, calls: Number) -> CallNode:
    inside: dict[str, Tally] = {}
    for (path, item), amount in tally.amounts.items():
        if path is not None:
            inside.setdefault(path.name, Tally()).amounts[path.rest, item] = amount
    children = []
    for callee, inner in inside.items():
        times = [amount for (path, item), amount in inner.amounts.items() if path is None and isinstance(item, Called)]
        children.append(_node(callee, inner.with_workspace(), as_number(times[0])))
    return CallNode(name, calls, tally, tuple(children))
