"""OpenQASM texts read back: gate by gate by Qiskit, with loops and calls by ourselves."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, qasm3
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator

from qkernel import from_qasm
from qkernel.errors import TargetCapabilityError
from qkernel.lower.circuit import Circuit
from qkernel.openqasm import flat_text
from qkernel_backends.qiskit.devices import translate
from qkernel_backends.qiskit.running import bits_of, branches_read, experiments, faithful

MOST_QUBITS = 12


def read(circuit: Circuit, theta: Any) -> QuantumCircuit:
    """The text of `circuit` as Qiskit reads it, its inputs assigned there.

    Qiskit reads sums and products of inputs only: with other angles the circuit is bound before.
    """
    if circuit.angles.non_affine or circuit.angles.preparations:
        known: dict[str, Any] = {}
        for entry in circuit.angles.parameters:
            mine = theta[entry.start : entry.start + entry.size]
            known[entry.name] = dict(zip(entry.keys, mine, strict=True)) if entry.is_dictionary else mine.reshape(entry.shape)
        circuit = replace(circuit, angles=circuit.angles.bind(known))
        theta = np.zeros(0)
    text = flat_text(circuit)
    inputs = re.findall(r"^input float\[64\] (\w+);", text, re.MULTILINE)
    values = dict(zip(inputs, theta, strict=True))
    loaded = qasm3.loads(text)
    return loaded.assign_parameters({parameter: values[parameter.name] for parameter in loaded.parameters})


def state(circuit: Circuit, theta: Any) -> Any:
    """The final amplitudes of `circuit`'s text, global phase included, qubits in the order of `circuit`."""
    amplitudes = Statevector(read(circuit, theta)).data.reshape((2,) * circuit.num_qubits)
    registers = (*(places for _, places in circuit.registers), tuple(range(circuit.num_qubits)))
    declared = list(dict.fromkeys(place for places in registers for place in places))
    # the axes of `amplitudes` are the qubits from the last to the first
    axes = [circuit.num_qubits - 1 - declared.index(place) for place in reversed(range(circuit.num_qubits))]
    return amplitudes.transpose(axes).ravel()


def bits(circuit: Circuit, theta: Any, shots: int, seed: int) -> Any:
    """Measured bits of `circuit`'s text, shape (shots, bits); None where Qiskit does not read what the text says.

    It reads no assignments of bits, no integers, and no conditions but single bits.
    """
    try:
        loaded = read(circuit, theta)
    except qasm3.QASM3ImporterError as error:
        unread = "ClassicalAssignment", "binary operat", "conditions must be", "of type 'int'"
        if any(words in str(error) for words in unread):
            return None
        raise
    simulator = faithful(AerSimulator(seed_simulator=seed))
    made = branches_read(translate(loaded, None))
    ((found,),), _ = experiments(simulator, [(made, np.zeros((1, 0)))], shots=shots, memory=True)
    return bits_of(getattr(found.data, "memory", ["0x0"] * shots), made.num_clbits)[:, : circuit.num_bits]


def structured(kernel: Any, sizes: dict[str, Any], inputs: dict[str, Any]) -> tuple[Any, dict[str, Any]] | None:
    """`kernel`, at these sizes, as its text with loops and calls reads back, and what it is then called with.

    Its Floats stay open where the text can say so, else they are bound; None where OpenQASM has no words for it.
    """
    lengths = {name: (len(value),) for name, value in inputs.items() if isinstance(value, list)}
    for bound, shapes in ((sizes, lengths), ({**sizes, **inputs}, {})):
        try:
            text = kernel.to_qasm(bindings=bound, lengths=shapes)
        except TargetCapabilityError:
            continue
        if sum(int(size or 1) for size in re.findall(r"^qubit(?:\[(\d+)\])? ", text, re.MULTILINE)) > MOST_QUBITS:
            return None  # each iteration has qubits of its own there
        read_back = from_qasm(text)
        registers = {name: int(size) for size, name in re.findall(r"^qubit\[(\d+)\] (\w+);", text, re.MULTILINE)}
        given = {**registers, **inputs}
        return read_back, {name: given[name] for name in read_back.input_types if name in given}
    return None
