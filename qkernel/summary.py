"""A kernel at a glance: its signature, its drawing with loops folded, and two lines of symbolic counts."""

from __future__ import annotations

import html

from qkernel.errors import QKernelError, SizeError
from qkernel.frontend.signature import Signature
from qkernel.verbs import Verbs


def text_summary(kernel: Verbs, written: Signature) -> str:
    """What `print(kernel)` shows."""
    try:
        drawing = kernel.draw(output="text").partition("\n\n")[2]  # its own title says less than the signature
    except SizeError as error:
        drawing = f"({error.title})\n"
    return "\n".join([signature(kernel, written), "", drawing, *counts(kernel)])


def html_summary(kernel: Verbs, written: Signature) -> str:
    """What a notebook shows: the same as a card. Never raises: a kernel with a mistake in it shows its error."""
    try:
        head = signature(kernel, written)
    except Exception:
        head = kernel.name
    try:
        drawing = kernel.draw(output="svg")
    except Exception as error:
        drawing = f"<pre>{html.escape(str(error))}</pre>"
    try:
        below = "".join(f"<div>{html.escape(line)}</div>" for line in counts(kernel))
    except Exception:
        below = ""  # the error stands where the drawing would
    return (
        '<div style="border:1px solid #8886;border-radius:8px;padding:12px 16px;overflow-x:auto">'
        f"<code>{html.escape(head)}</code>{drawing}{below}</div>"
    )


def signature(kernel: Verbs, written: Signature) -> str:
    """`name(n: UInt, theta: Float = 0.5) -> Bit`."""
    parts = []
    for argument in written.in_order():
        default = getattr(argument, "default", None)
        parts.append(f"{argument.name}: {argument.annotation}{'' if default is None else f' = {default}'}")
    return f"{kernel.name}({', '.join(parts)}) -> {written.returned_text}"


def counts(kernel: Verbs) -> list[str]:
    """Qubits and gates, in closed form; nothing where a count has no form."""
    try:
        estimate = kernel.estimate_resources()
    except QKernelError:
        return []
    gates = estimate.gates
    return [
        f"qubits: {estimate.qubits}",
        f"gates:  {gates.total} ({gates.single_qubit} on one qubit, {gates.two_qubit} on two, {gates.multi_qubit} on more)",
    ]
