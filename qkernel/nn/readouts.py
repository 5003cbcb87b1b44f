"""What a layer reads out of a kernel that hands back qubits, or measured bits, and no numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat
from typing import Any

import numpy as np

from qkernel.diagnostics import did_you_mean
from qkernel.errors import GradientError, ObservableError
from qkernel.execution.outputs import Outputs
from qkernel.ir.expressions import Const, Expr, Item, Pack, SystemName
from qkernel.lower.circuit import EXPECTATIONS, Circuit, Expectation, Run, probabilities
from qkernel.observable import Hamiltonian, X, Y, Z, as_observable, complex_term

_PAULIS = {"x": X, "y": Y, "z": Z}
NAMES = (*_PAULIS, "probabilities", "p0", "counts")
Readout = str | tuple[Hamiltonian, ...]


def observable(given: Any) -> Hamiltonian | None:
    """`given` as an observable, if it is one: a sum, a `SparsePauliOp`, or text: a Pauli word (`ZZI`) or a sum (`0.5*Z0*Z1`).

    Of a word the rightmost letter is qubit 0. Raises `ObservableError` for any other text.
    """
    if not isinstance(given, str):
        return as_observable(given)
    is_word = given and set(given) <= set("IXYZ")
    return Hamiltonian.from_list([(given, 1.0)]) if is_word else Hamiltonian.from_string(given)


def as_readout(given: Any) -> Readout | None:
    """`given` as a name of `NAMES` or a tuple of observables. Raises `ObservableError` for anything else."""
    if given is None or (isinstance(given, str) and given in NAMES):
        return given
    listed = given if isinstance(given, (list, tuple)) else [given]
    try:
        found = [observable(entry) for entry in listed]
    except ObservableError:
        if given is listed:
            raise
        found = []
    if not found or None in found:
        names = ", ".join(f"`{name}`" for name in NAMES)
        meant = did_you_mean(given, list(NAMES)) if isinstance(given, str) else ""
        raise ObservableError(
            f"`readout` is {given!r}, which is neither one of its names nor an observable or a list of them{meant}",
            help=f"the names are {names}; an observable is `qko.Z(0)`, a `SparsePauliOp`, `ZZ` or `0.5*Z0*Z1`",
        )
    return tuple(one for one in found if one is not None)


def with_readout(circuit: Circuit, readout: Readout) -> Circuit:
    """`circuit` reading out the qubits that it hands back, or those whose bits it returns; the k-th is an observable's qubit k.

    Raises `GradientError` where there are none, and `ObservableError` for an observable of more qubits.
    """
    qubits = list(circuit.returned)
    if circuit.outputs:
        circuit, qubits = _without_measurements(circuit)
    if not qubits:
        raise GradientError(
            f"`{circuit.name}` hands back no qubits, so that there is nothing for `readout` to read",
            help="return the register, `return q`, or leave `readout` out",
        )
    if readout in ("probabilities", "counts", "p0"):
        distribution = probabilities(0)
        output: Expr = Item(distribution, (Const(0),)) if readout == "p0" else distribution
        return replace(circuit, probabilities=(tuple(qubits),), outputs=(output,), outputs_tuple=False)
    observables = tuple(map(_PAULIS[readout], range(len(qubits)))) if isinstance(readout, str) else readout
    for one in observables:
        require_observable(one, circuit.name, len(qubits))
    expectations = tuple(Expectation(one.remap_qubits(dict(enumerate(qubits)))) for one in observables)
    outputs = tuple(Item(EXPECTATIONS, (Const(k),)) for k in range(len(expectations)))
    return replace(circuit, expectations=expectations, outputs=outputs, outputs_tuple=True)


def require_observable(given: Hamiltonian, circuit: str, count: int) -> None:
    """Raise `ObservableError` unless `given` can be read of the `count` qubits that the circuit of this name hands back."""
    if not given.is_hermitian:
        term, help = complex_term(given, "H")
        raise ObservableError(f"an observable has complex coefficients: {term}", help=help)
    if given.num_qubits > count:
        raise ObservableError(
            f"`{given}` acts on {given.num_qubits} qubits, and `{circuit}` hands back {count}",
            help="qubit k of an observable is the k-th that is handed back; of a word the rightmost letter is qubit 0",
        )


def _without_measurements(circuit: Circuit) -> tuple[Circuit, list[int]]:
    """A circuit that returns measured bits, without the measurements at its end, and the qubits of these bits in order.

    Raises `GradientError` where something else is returned, or happens after the measurements.
    """
    outputs = Outputs(circuit)
    if not (outputs.uses_bits and outputs.are_bits and circuit.is_straight):
        what = "more than bits that it measures at its end" if outputs.uses_bits else "numbers already"
        raise GradientError(
            f"`{circuit.name}` returns {what}, so that there is nothing for `readout` to read",
            help="leave `readout` out, or return the register: `return q`",
        )
    returned = [bit for output in circuit.outputs for bit in _bits(output)]
    last: dict[int, int] = {}
    wanted: dict[int, tuple[int, int]] = {}
    for number, row in enumerate(circuit.instructions()):
        last.update(zip(row.qubits, repeat(number)))
        if row.kind.name == "measure":
            wanted[row.bits[0]] = number, row.qubits[0]
    if not returned or any(bit not in wanted or last[wanted[bit][1]] != wanted[bit][0] for bit in returned):
        raise GradientError(
            f"`{circuit.name}` goes on with qubits after their measurement, so that a layer has no derivative of its bits",
            help="measure at the end, or read out an expectation value: `qk.expval(q, H)`",
        )
    dropped = {wanted[bit][0] for bit in returned}
    body, start = [], 0
    for run in circuit.body:
        assert isinstance(run, Run)
        kept = np.array([start + k not in dropped for k in range(len(run))], bool)
        start += len(run)
        widths = np.array([circuit.kinds[code].num_qubits for code in run.kind], int)
        bits = np.array([circuit.kinds[code].name == "measure" for code in run.kind], int)
        body.append(
            replace(run, kind=run.kind[kept], span=run.span[kept], qubits=run.qubits[np.repeat(kept, widths)],
                    bits=run.bits[np.repeat(kept, bits)])
        )  # fmt: skip
    kinds = circuit.kinds
    left = {code for run in body for code in run.kind.tolist()}
    unused = next((code for code, kind in enumerate(kinds) if kind.name == "measure" and code not in left), None)
    if unused is not None:  # a kind that no instruction has would make the circuit look measured
        kinds = kinds[:unused] + kinds[unused + 1 :]
        body = [replace(run, kind=run.kind - (run.kind > unused).astype(run.kind.dtype)) for run in body]
    return replace(circuit, kinds=kinds, body=tuple(body), outputs=()), [wanted[bit][1] for bit in returned]


def _bits(output: Expr) -> list[int]:
    """The circuit's bits that an output is made of; -1 for one that is computed of them."""
    match output:
        case Pack(items):
            return [bit for item in items for bit in _bits(item)]
        case Item(SystemName(), (Const(int(k)),)):
            return [k]
    return [-1]
