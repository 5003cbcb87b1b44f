"""OpenQASM: what is written, structure kept or gate by gate, and what is read."""

from __future__ import annotations

from qkernel.engine import load_target
from qkernel.errors import KernelTypeError, TargetCapabilityError
from qkernel.lower.circuit import Circuit
from qkernel.openqasm.flat import flat_text
from qkernel.openqasm.structured import structured_text

__all__ = ["flat_text", "structured_text", "text_of_version"]


def text_of_version(circuit: Circuit, version: int) -> str:
    """The circuit gate by gate, in OpenQASM 3, or in OpenQASM 2 by Qiskit, without its global phase.

    Raises `TargetCapabilityError` for what version 2 cannot express.
    """
    if version == 3:
        return flat_text(circuit)
    if version != 2:
        raise KernelTypeError(f"there is no OpenQASM {version!r}", help="write `version=2` or `version=3`")
    if circuit.angles.num_columns:
        names = ", ".join(f"`{name}`" for name in circuit.angles.column_names)
        values = ", ".join(f"{parameter.name}=..." for parameter in circuit.angles.parameters)
        raise TargetCapabilityError(
            f"OpenQASM 2 has no open parameters, which {names} would be",
            help=f"bind them: `kernel.to_qasm(version=2, {values})`",
        )
    made = load_target("qiskit")(circuit)
    from qiskit import qasm2

    try:
        return str(qasm2.dumps(made))
    except qasm2.QASM2ExportError as error:
        reason = error.message
        raise TargetCapabilityError(f"OpenQASM 2 cannot express this circuit: {reason}", help="write OpenQASM 3") from None
