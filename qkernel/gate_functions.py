"""The gates that users call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from qkernel.tracing import active
from qkernel.types import Qubit, Vector

if TYPE_CHECKING:
    Qubits = TypeVar("Qubits", Qubit, Vector[Qubit], list[Any], tuple[Any, ...])
    Angle = float | Vector[float]


class Gate:
    """A gate that kernels call: handles in, the new handles out."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<gate {self.name}>"

    def _call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return active(f"gate {self.name}").call_gate(self, arguments, keywords)

    if not TYPE_CHECKING:

        def __call__(self, *arguments, **keywords):
            """Apply the gate; only inside a kernel."""
            return self._call(arguments, keywords)


class OneQubitGate(Gate):
    """Acts on one qubit, or on each qubit of a register."""

    if TYPE_CHECKING:

        def __call__(self, qubit: Qubits) -> Qubits: ...


class RotationGate(Gate):
    """Acts on one qubit, or on each qubit of a register, with one angle in radians or one angle for each."""

    if TYPE_CHECKING:

        def __call__(self, qubit: Qubits, angle: Angle = ..., *, theta: Angle = ...) -> Qubits: ...


class UGate(Gate):
    """U(theta, phi, lam) on one qubit or on each qubit of a register."""

    if TYPE_CHECKING:

        def __call__(self, qubit: Qubits, theta: Angle, phi: Angle, lam: Angle) -> Qubits: ...


class TwoQubitGate(Gate):
    """Acts on two qubits, or on the qubits of two registers of one length in pairs."""

    if TYPE_CHECKING:

        @overload
        def __call__(self, first: Qubit, second: Qubit) -> tuple[Qubit, Qubit]: ...
        @overload
        def __call__(self, first: Vector[Qubit], second: Vector[Qubit]) -> tuple[Vector[Qubit], Vector[Qubit]]: ...
        def __call__(self, first: Any, second: Any) -> Any: ...


class TwoQubitRotationGate(Gate):
    """Acts on two qubits, or on two registers in pairs, with one angle in radians or one angle for each pair."""

    if TYPE_CHECKING:

        def __call__(
            self, first: Qubits, second: Qubits, angle: Angle = ..., *, theta: Angle = ...
        ) -> tuple[Qubits, Qubits]: ...


class CUGate(Gate):
    """Controlled exp(i gamma) U(theta, phi, lam), on two qubits or on two registers in pairs."""

    if TYPE_CHECKING:

        def __call__(
            self, control: Qubits, target: Qubits, theta: Angle, phi: Angle, lam: Angle, gamma: Angle = 0.0
        ) -> tuple[Qubits, Qubits]: ...


class ThreeQubitGate(Gate):
    """Acts on three qubits, or on three registers of one length, one qubit of each at a time."""

    if TYPE_CHECKING:

        def __call__(self, first: Qubits, second: Qubits, third: Qubits) -> tuple[Qubits, Qubits, Qubits]: ...


id, h, x, y, z = OneQubitGate("id"), OneQubitGate("h"), OneQubitGate("x"), OneQubitGate("y"), OneQubitGate("z")
s, sdg, t, tdg = OneQubitGate("s"), OneQubitGate("sdg"), OneQubitGate("t"), OneQubitGate("tdg")
sx, sxdg = OneQubitGate("sx"), OneQubitGate("sxdg")
p, rx, ry, rz = RotationGate("p"), RotationGate("rx"), RotationGate("ry"), RotationGate("rz")
u, cu = UGate("u"), CUGate("cu")
cx, cy, cz, ch = TwoQubitGate("cx"), TwoQubitGate("cy"), TwoQubitGate("cz"), TwoQubitGate("ch")
swap, iswap, ecr = TwoQubitGate("swap"), TwoQubitGate("iswap"), TwoQubitGate("ecr")
cp, crx, cry, crz = (TwoQubitRotationGate(name) for name in ("cp", "crx", "cry", "crz"))
rxx, ryy, rzz, rzx = (TwoQubitRotationGate(name) for name in ("rxx", "ryy", "rzz", "rzx"))
ccx, ccz, cswap = ThreeQubitGate("ccx"), ThreeQubitGate("ccz"), ThreeQubitGate("cswap")
