"""`Circuit -> Plan`: the one compiler of the native and the torch engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from qkernel.errors import ObservableError
from qkernel.lower.circuit import Circuit, Instruction
from qkernel.observable import Hamiltonian
from qkernel_backends.plan.fuse import Fusion, in_light_cone
from qkernel_backends.plan.operations import (
    Affine,
    Dense,
    Flip,
    Load,
    Operation,
    PauliRotation,
    Phases,
    Product,
    Rotation,
    commute,
)
from qkernel_backends.plan.translate import translate


@dataclass(frozen=True, slots=True)
class Readout:
    """Expectation value k is `constants[k]` plus the sum of coefficient times Pauli product `words[t]` over `sums[k]`.

    A word is (x, z), X on the mask x, Z on the mask z, Y where both. `sums[k]` lists (t, coefficient).
    """

    words: tuple[tuple[int, int], ...]
    sums: tuple[tuple[tuple[int, float], ...], ...]
    constants: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an engine runs: a start, operations in time order, and what is read out.

    `place[q]` is the qubit of the plan that holds qubit q of the circuit, -1 where nothing depends on it. `batched`
    are the columns that differ from sample to sample, `num_columns` counts those of theta and one for each computed slot.
    Angles are added up as they come while no column is larger than `largest_column`.
    """

    num_qubits: int
    start: Product
    operations: tuple[Operation, ...]
    readout: Readout
    place: tuple[int, ...]
    batched: frozenset[int]
    num_columns: int
    global_phase: Affine
    largest_column: float


def compile_plan(
    circuit: Circuit,
    batched: Iterable[int],
    expectations: bool,
    instructions: Iterable[Instruction] | None = None,
    from_zero: bool = True,
    angles: list[Affine] | None = None,
) -> Plan:
    """The plan of a straight circuit, for its expectation values or for its final state.

    With `expectations`, what they cannot see is left out. `instructions` (default: all) restricts the plan to part of
    the circuit, `from_zero=False` starts it from any state. `angles` are the `angle_rows` of the circuit, for those who make
    several plans of it.
    """
    columns = frozenset(batched)
    translation = translate(circuit, instructions, angles)
    operations, place = translation.operations, translation.place
    readout = Readout((), (), ())
    if expectations:
        readout = pauli_words([part.observable for part in circuit.expectations], place, circuit.num_qubits)
        operations, alive = in_light_cone(operations, *_support(readout))
        renamed = {qubit: k for k, qubit in enumerate(q for q in range(circuit.num_qubits) if alive >> q & 1)}
        if len(renamed) < circuit.num_qubits:
            operations = [_renamed(operation, renamed) for operation in operations]
            readout = replace(readout, words=tuple((_mask(x, renamed), _mask(z, renamed)) for x, z in readout.words))
        place = [renamed.get(qubit, -1) for qubit in place]
        num_qubits = len(renamed)
    else:
        num_qubits = circuit.num_qubits
    fusion = Fusion(lambda angle: not columns or columns.isdisjoint([column for column, _ in angle.terms]), from_zero)
    fusion.run(operations)
    if expectations:
        fusion.operations, readout = _without_last_flips(fusion.operations, readout)
        fusion.operations, _ = in_light_cone(fusion.operations, *_support(readout))  # fusing leaves phases at the end
    start = fusion.product() if from_zero else Product(())
    return Plan(
        num_qubits,
        start,
        tuple(fusion.operations),
        readout,
        tuple(place),
        columns,
        circuit.angles.num_columns + len(circuit.angles.computed),
        fusion.global_phase,
        circuit.angles.largest_column,
    )


def pauli_words(observables: list[Hamiltonian], place: list[int], num_qubits: int) -> Readout:
    """What is read out of a state that has qubit q at `place[q]`."""
    words: dict[tuple[int, int], int] = {}
    sums, constants = [], []
    for observable in observables:
        entries = []
        for operators, coefficient in observable.terms.items():
            x = z = 0
            for operator in operators:
                if operator.index >= num_qubits:
                    raise ObservableError(f"the observable acts on qubit {operator.index} of {num_qubits}")
                bit = 1 << place[operator.index]
                x |= bit if operator.pauli.value in "XY" else 0
                z |= bit if operator.pauli.value in "ZY" else 0
            entries.append((words.setdefault((x, z), len(words)), _real(coefficient)))
        sums.append(tuple(entries))
        constants.append(_real(observable.constant))
    return Readout(tuple(words), tuple(sums), tuple(constants))


def _support(readout: Readout) -> tuple[int, int]:
    """The qubits that some word has an X part on, and a Z part."""
    moved = read = 0
    for x, z in readout.words:
        moved, read = moved | x, read | z
    return moved, read


def _without_last_flips(operations: list[Operation], readout: Readout) -> tuple[list[Operation], Readout]:
    """Have the words undo the flips that nothing follows: with one control or none they map words to words."""
    kept: list[Operation] = []
    words, signs = list(readout.words), [1.0] * len(readout.words)
    for operation in reversed(operations):
        if (
            not isinstance(operation, Flip)
            or operation.controls & (operation.controls - 1)
            or not all(commute(operation, other) for other in kept)
        ):
            kept.append(operation)
            continue
        target, control = operation.moved, operation.controls
        for k, (x, z) in enumerate(words):
            if z & target and operation.value == 0:
                signs[k] = -signs[k]
            if control and x & control and z & target and bool(x & target) == bool(z & control):
                signs[k] = -signs[k]
            words[k] = x ^ target if x & control else x, z ^ control if z & target else z
    sums = tuple(tuple((t, coefficient * signs[t]) for t, coefficient in entries) for entries in readout.sums)
    return kept[::-1], replace(readout, words=tuple(words), sums=sums)


def _real(coefficient: complex) -> float:
    if np.imag(coefficient):
        raise ObservableError(
            f"an observable with the complex coefficient {coefficient} is not Hermitian, so it has no real expectation value",
            help="give its Hermitian and its anti-Hermitian part separately",
        )
    return float(np.real(coefficient))


def _mask(mask: int, renamed: dict[int, int]) -> int:
    return sum(1 << new for old, new in renamed.items() if mask >> old & 1)


def _renamed(operation: Operation, renamed: dict[int, int]) -> Operation:
    match operation:
        case Phases(terms):
            return Phases({_mask(mask, renamed): angle for mask, angle in terms.items()})
        case Rotation(qubit, _, controls, value) | Flip(qubit, controls, value):
            return operation._replace(qubit=renamed[qubit], controls=_mask(controls, renamed), value=_mask(value, renamed))
        case PauliRotation(x, z, _, controls, value):
            return operation._replace(
                x=_mask(x, renamed), z=_mask(z, renamed), controls=_mask(controls, renamed), value=_mask(value, renamed),
            )  # fmt: skip
        case Load(qubits):
            return replace(operation, qubits=tuple(renamed[q] for q in qubits))
        case Dense(qubits, _, controls, value):
            return replace(
                operation,
                qubits=tuple(renamed[q] for q in qubits), controls=_mask(controls, renamed), value=_mask(value, renamed),
            )  # fmt: skip
