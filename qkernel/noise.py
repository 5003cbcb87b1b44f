"""What machines do wrong, as values: channels behind gates, and errors of reading out.

    model = noise.depolarizing(0.001) | noise.depolarizing(0.01, gates="cx") | noise.readout(0.02)
    kernel.run(0.3, engine=NativeEngine(noise=model))

Nielsen and Chuang, Quantum Computation and Quantum Information, chapter 8, for the channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from math import exp, isfinite, sqrt
from typing import Any

import numpy as np

from qkernel.boundary import api_boundary
from qkernel.diagnostics import did_you_mean, with_article
from qkernel.engine import resolve_engine
from qkernel.errors import KernelTypeError, TargetCapabilityError, ValidationError
from qkernel.gates import GATES, pauli_matrix, pauli_rotation
from qkernel.lower.circuit import Circuit, Instruction, Kind, Run, parts
from qkernel.observable.paulis import is_whole

Array = np.ndarray[Any, Any]
Qubits = tuple[int, ...]
Places = int | Qubits | Iterable[int | Qubits] | None
Names = str | Iterable[str] | None
Rows = tuple[tuple[complex, ...], ...]

_BY_BASE = {(rule.base, rule.controls): rule.name for rule in GATES.values()} | {("ug", 0): "u"}
_NO_GATES = ("measure", "reset")
_OTHER_NAMES = ("unitary", "pauli", "mcx", "mcphase", *_NO_GATES)
_MANY_CONTROLS = re.compile(rf"(c+|c\d+)({'|'.join((*GATES, 'unitary', 'pauli'))})")
_WIDEST = 3
"""Qubits of a gate that depolarizing noise may act on."""


@dataclass(frozen=True)
class Channel:
    """rho -> sum of K rho K† over the Kraus operators K, matrices on a few qubits, the first of them least significant.

    `text` is how it was written. Raises `ValidationError` where the operators do not preserve the trace, to 1e-8.
    """

    text: str
    operators: tuple[Rows, ...]

    def __post_init__(self) -> None:
        size = len(self.operators[0]) if self.operators else 0
        if size < 2 or size & (size - 1) or any(matrix.shape != (size, size) for matrix in self.kraus):
            raise ValidationError(
                f"the Kraus operators of `{self.text}` are no square matrices on the same qubits", help=_SHAPE_OF_KRAUS
            )
        total = sum(matrix.conj().T @ matrix for matrix in self.kraus)
        if not np.allclose(total, np.eye(size), atol=1e-8):
            raise ValidationError(
                f"the Kraus operators of `{self.text}` do not preserve the trace",
                label=f"the sum of K† K is off the identity by {np.abs(total - np.eye(size)).max():.2g}",
            )

    @classmethod
    def of(cls, text: str, matrices: Iterable[Any]) -> Channel:
        """From arrays; those that are 0 are left out."""
        try:
            arrays = [np.asarray(matrix, complex) for matrix in matrices]
            rows = tuple(tuple(map(tuple, matrix.tolist())) for matrix in arrays if matrix.ndim != 2 or matrix.any())
        except (TypeError, ValueError):
            rows = ()  # what is no matrix is refused as no matrices are
        return cls(text, rows)

    @cached_property
    def kraus(self) -> tuple[Array, ...]:
        """The operators as arrays."""
        return tuple(np.array(rows, complex) for rows in self.operators)

    @property
    def num_qubits(self) -> int:
        return len(self.operators[0]).bit_length() - 1

    @cached_property
    def weights(self) -> tuple[float, ...] | None:
        """The probabilities of the operators where no state has a say in them: each is a unitary but for a factor."""
        size = 1 << self.num_qubits
        squares = [matrix.conj().T @ matrix for matrix in self.kraus]
        weights = tuple(float(square[0, 0].real) for square in squares)
        fixed = all(
            np.allclose(square, weight * np.eye(size), atol=1e-12) for square, weight in zip(squares, weights, strict=True)
        )
        return weights if fixed else None

    def on(self, name: str, qubits: Qubits) -> list[tuple[Channel, Qubits]]:
        """Where it acts behind an instruction on `qubits`: on all of them, or on each."""
        if self.num_qubits == len(qubits):
            return [(self, qubits)]
        if self.num_qubits == 1:
            return [(self, (qubit,)) for qubit in qubits]
        return []


_SHAPE_OF_KRAUS = "give a list of matrices, 2 x 2 for one qubit, 4 x 4 for two"


@dataclass(frozen=True)
class Depolarizing:
    """On all qubits of a gate together, however many these are: see `depolarizing`."""

    probability: float

    @property
    def text(self) -> str:
        return f"depolarizing({self.probability:g})"

    def on(self, name: str, qubits: Qubits) -> list[tuple[Channel, Qubits]]:
        """See `Channel`."""
        if len(qubits) > _WIDEST:
            raise TargetCapabilityError(
                f"depolarizing noise is for gates of {_WIDEST} qubits at most, and `{name}` here has {len(qubits)}",
                help='say which gates have it, `gates=["cx", "rz", "sx"]`, and write the kernel in these',
            )
        return [(_depolarizing(self.probability, len(qubits)), qubits)]


@lru_cache(maxsize=256)
def _depolarizing(probability: float, width: int) -> Channel:
    share = probability / 4**width
    words = ["".join(letters) for letters in product("IXYZ", repeat=width)]
    factors = [sqrt(1 - probability + share), *(sqrt(share),) * (4**width - 1)]
    matrices = [factor * pauli_matrix(word) for factor, word in zip(factors, words, strict=True)]
    return Channel.of(f"depolarizing({probability:g})", matrices)


@dataclass(frozen=True)
class Rule:
    """Noise behind the gates of some names (None: behind every gate), on some qubits (None: wherever they act).

    `qubits` lists what the gate acts on, in its order; nothing happens on those of `elsewhere`. `pair` has the noise act
    there, behind gates of two or more qubits of which one is in the pair.
    """

    noise: Channel | Depolarizing
    gates: frozenset[str] | None = None
    qubits: frozenset[Qubits] | None = None
    elsewhere: frozenset[Qubits] = frozenset()
    pair: Qubits = ()

    def on(self, name: str, qubits: Qubits) -> list[tuple[Channel, Qubits]]:
        """The channels behind an instruction, and the qubits of each."""
        if (name not in self.gates) if self.gates is not None else name in _NO_GATES:
            return []
        if self.pair:
            return [(self.noise, self.pair)] if len(qubits) > 1 and len({*self.pair} & {*qubits}) == 1 else []  # type: ignore[list-item]
        if qubits in self.elsewhere or (self.qubits is not None and qubits not in self.qubits):
            return []
        found = self.noise.on(name, qubits)
        if not found and self.gates is not None:
            raise ValidationError(
                f"`{self.noise.text}` is for gates of {self.noise.num_qubits} qubits, and `{name}` has {len(qubits)}",  # type: ignore[union-attr]
                help="noise on one qubit acts on each qubit of a gate; other noise has as many qubits as its gates",
            )
        return found

    def __str__(self) -> str:
        where = "every gate" if self.gates is None else ", ".join(sorted(self.gates))
        if self.pair:
            return f"{self.noise.text} on {self.pair} beside {where}"
        on = "" if self.qubits is None else f" on {', '.join(_spelt(place) for place in sorted(self.qubits))}"
        return f"{self.noise.text} behind {where}{on}"


def _spelt(place: Qubits) -> str:
    return str(place[0]) if len(place) == 1 else str(place)


@dataclass(frozen=True)
class Readout:
    """Measured bits come out wrong: 0 as 1, and 1 as 0, with these probabilities; on some qubits (None: on all)."""

    zero_as_one: float
    one_as_zero: float
    qubits: frozenset[int] | None = None

    def __str__(self) -> str:
        on = "" if self.qubits is None else f" on {', '.join(map(str, sorted(self.qubits)))}"
        return f"readout({self.zero_as_one:g}, {self.one_as_zero:g}){on}"


@dataclass(frozen=True)
class NoiseModel:
    """Rules in the order in which they act, errors of reading out, and what the model knows: `basis`, if it is not None,
    names all gates that it speaks of, and circuits of others are refused. Models are added by `|`.

    The latest `Readout` that names a qubit holds for it. An empty model is a machine without noise.
    """

    rules: tuple[Rule, ...] = ()
    readouts: tuple[Readout, ...] = ()
    basis: frozenset[str] | None = None

    def __or__(self, other: NoiseModel) -> NoiseModel:
        if not isinstance(other, NoiseModel):
            return NotImplemented
        named = frozenset(name for model in (self, other) for rule in model.rules for name in rule.gates or ())
        known = [model.basis for model in (self, other) if model.basis is not None]
        basis = frozenset().union(*known) | named if known else None
        return NoiseModel(self.rules + other.rules, self.readouts + other.readouts, basis)

    def __str__(self) -> str:
        return "; ".join(map(str, (*self.rules, *self.readouts))) or "no noise"

    __repr__ = __str__

    def behind(self, name: str, qubits: Qubits) -> list[tuple[Channel, Qubits]]:
        """The channels behind an instruction (before it, where it is `measure`), in order, and the qubits of each."""
        key = name, qubits
        if key not in self._behind:
            self._behind[key] = [found for rule in self.rules for found in rule.on(name, qubits)]
        return self._behind[key]

    @cached_property
    def _behind(self) -> dict[tuple[str, Qubits], list[tuple[Channel, Qubits]]]:
        """What was asked before: circuits ask for each of their gates."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_behind"}

    def readout_of(self, qubit: int) -> tuple[float, float]:
        """With which probability 0 is read as 1, and 1 as 0."""
        for readout in reversed(self.readouts):
            if readout.qubits is None or qubit in readout.qubits:
                return readout.zero_as_one, readout.one_as_zero
        return 0.0, 0.0

    def check(self, circuit: Circuit) -> None:
        """Raise `TargetCapabilityError` for a gate of the circuit that the model does not know, and for crosstalk with a qubit
        that the circuit does not have."""
        for rule in self.rules:
            inside = [qubit for qubit in rule.pair if qubit < circuit.num_qubits]
            if len(inside) == 1:
                raise TargetCapabilityError(
                    f"there is crosstalk between the qubits {rule.pair[0]} and {rule.pair[1]}, and `{circuit.name}` has "
                    f"{circuit.num_qubits}",
                    help="have the kernel make the neighbour too, or leave that crosstalk out",
                )
        if self.basis is None:
            return
        unknown = {kind: name_of(kind) for kind in circuit.kinds if kind.is_gate and kind.num_qubits}
        unknown = {kind: name for kind, name in unknown.items() if name not in self.basis}
        for part in parts(circuit.body) if unknown else ():
            for instruction in circuit.instructions(part) if isinstance(part, Run) else ():
                if instruction.kind in unknown:
                    raise _unknown(circuit.name, instruction, unknown[instruction.kind], self.basis)


def _unknown(circuit: str, instruction: Instruction, name: str, basis: Iterable[str]) -> TargetCapabilityError:
    return TargetCapabilityError(
        f"`{circuit}` has the gate `{name}`, of which the noise model does not know what it does wrong",
        span=instruction.span,
        label=f"it knows {', '.join(sorted(basis))}",
        help=f'say what is known of it, `model | noise.depolarizing(0.001, gates="{name}")`, or let Qiskit translate the '
        "circuit into gates that are known: `engine=QiskitEngine(backend)`",
    )


def name_of(kind: Kind) -> str:
    """The name of an instruction, as Qiskit has it: `cx`, `crz`, `mcx`; what value its controls ask for does not count."""
    found = _BY_BASE.get((kind.name, kind.controls))
    if found is not None or not kind.controls:
        return found or kind.name
    if kind.name in ("x", "p"):
        return {"x": "mcx", "p": "mcphase"}[kind.name]
    return f"{'c' * kind.controls if kind.controls < 3 else f'c{kind.controls}'}{kind.name}"


def require_model(given: Any) -> None:
    """Raise `KernelTypeError` for what is no noise model of ours."""
    if not isinstance(given, NoiseModel):
        raise KernelTypeError(
            f"`noise` is a noise model of `qkernel.noise`, not {with_article(type(given).__name__)}",
            help="one of Aer is turned into one: `qkernel_backends.qiskit.from_aer(model)`",
        )


# One line each ------------------------------------------------------------------------------------------------------


@api_boundary
def depolarizing(probability: float, *, gates: Names = None, on: Places = None) -> NoiseModel:
    """With `probability` the qubits of a gate, all together, are replaced by the maximally mixed state.

    On one qubit that is X, Y and Z with a quarter of it each. `gates` names the gates, such as `"cx"` or `["rx", "ry"]`
    (None: every gate), `on` the qubits that they act on: `3` or `[0, 3]` for gates of one qubit, `(0, 1)` or
    `[(0, 1), (1, 2)]` for gates of two, in their order (None: any).
    Raises `ValidationError` for a probability outside of 0 to 1 and for an unknown gate.
    """
    return _model(Depolarizing(_probability(probability, "probability")), gates, on)


@api_boundary
def amplitude_damping(gamma: float, *, excited: float = 0.0, gates: Names = None, on: Places = None) -> NoiseModel:
    """Energy is lost: behind a gate each of its qubits decays from 1 to 0 with probability `gamma`.

    `excited` is the share of 1 in equilibrium. `gates` and `on` are as in `depolarizing`, which says what is raised.
    """
    matrices = _damping(_probability(gamma, "gamma"), _probability(excited, "excited"))
    return _model(Channel.of(f"amplitude_damping({gamma:g})", matrices), gates, on)


@api_boundary
def dephasing(probability: float, *, gates: Names = None, on: Places = None) -> NoiseModel:
    """Each qubit of a gate gets a Z with `probability`: superpositions fade by 1 - 2 `probability`.

    Phase damping by lambda is the probability (1 - sqrt(1 - lambda)) / 2. `gates` and `on` are as in `depolarizing`.
    """
    return _model(_pauli({"Z": probability}, f"dephasing({probability:g})"), gates, on)


@api_boundary
def pauli(probabilities: Mapping[str, float], *, gates: Names = None, on: Places = None) -> NoiseModel:
    """Pauli words with their probabilities behind a gate, `{"XX": 0.01, "IZ": 0.02}`; else nothing happens.

    The first letter is for the gate's first qubit. Words of one letter act on each qubit of a gate. `gates` and `on` are as
    in `depolarizing`.
    """
    words = dict(probabilities)
    return _model(_pauli(words, f"pauli({words})"), gates, on)


@api_boundary
def thermal_relaxation(
    t1: float, t2: float, duration: float, *, excited: float = 0.0, gates: Names = None, on: Places = None
) -> NoiseModel:
    """Behind a gate of this duration its qubits have relaxed, with the times `t1` of energy and `t2` of phase, in one unit.

    `excited` is the share of 1 in equilibrium. `gates` and `on` are as in `depolarizing`.
    Raises `ValidationError` unless 0 < t2 <= 2 t1 and the duration is 0 or more.
    """
    if not (0 < t2 <= 2 * t1 and isfinite(t1) and isfinite(duration) and duration >= 0):
        raise ValidationError(
            f"there is no relaxation with t1 = {t1:g}, t2 = {t2:g} and the duration {duration:g}",
            help="times are positive, and t2 is 2 t1 at most",
        )
    fades = exp(duration / (2 * t1) - duration / t2)
    phases = [sqrt((1 + fades) / 2) * np.eye(2), sqrt(max(0.0, 1 - fades) / 2) * pauli_matrix("Z")]
    damping = _damping(1 - exp(-duration / t1), _probability(excited, "excited"))
    text = f"thermal_relaxation({t1:g}, {t2:g}, {duration:g})"
    return _model(Channel.of(text, [phase @ loss for phase in phases for loss in damping]), gates, on)


@api_boundary
def kraus(operators: Sequence[Any], *, gates: Names = None, on: Places = None) -> NoiseModel:
    """Any channel, by its Kraus operators: matrices, the gate's first qubit least significant.

    One operator is a coherent error. Operators on one qubit act on each qubit of a gate. `gates` and `on` are as in
    `depolarizing`. Raises `ValidationError` where the operators do not preserve the trace.
    """
    return _model(Channel.of("kraus", operators), gates, on)


@api_boundary
def crosstalk(angle: float, between: tuple[int, int], *, gates: Names = None) -> NoiseModel:
    """While a gate of two or more qubits acts on one of a pair, exp(-i angle/2 Z Z) acts `between` the two, in radians.

    `gates` names the gates that do this (None: all of two or more qubits).
    """
    if len({*between}) != 2 or not isfinite(angle):
        raise ValidationError(f"crosstalk is between two qubits, by an angle, not between {between} by {angle}")
    channel = Channel.of(f"crosstalk({angle:g})", [pauli_rotation("ZZ", angle)])
    return NoiseModel((Rule(channel, _names(gates), pair=tuple(between)),))


@api_boundary
def readout(zero_as_one: float, one_as_zero: float | None = None, *, on: int | Iterable[int] | None = None) -> NoiseModel:
    """A measured 0 is read as 1 with the first probability, and 1 as 0 with the second (default: the same).

    `on` names qubits (None: all). Exact values and probabilities are those of what is read, too.
    """
    second = zero_as_one if one_as_zero is None else one_as_zero
    qubits = None if on is None else frozenset(_qubits(on, on))
    rates = _probability(zero_as_one, "zero_as_one"), _probability(second, "one_as_zero")
    return NoiseModel(readouts=(Readout(*rates, qubits),))


@api_boundary
def from_backend(backend: Any) -> NoiseModel:
    """The noise that the properties of a backend tell: errors and durations of its gates, relaxation, readout.

    `backend` is a Qiskit backend, a fake one, or an `AerSimulator` with a noise model. The model's `basis` are the
    backend's own gates; where these are `rz`, which takes no time, and `sx`, any other gate of one qubit is as wrong as the two
    `sx` that it is made of there (none, if it is diagonal). A kernel of other gates is refused, as nothing is known of them.
    Raises `KernelTypeError` for what is no backend, `TargetCapabilityError` for one that tells nothing.
    """
    engine = resolve_engine(backend)
    model = getattr(engine, "noise_model", None)
    if not isinstance(model, NoiseModel):
        raise TargetCapabilityError(
            f"a `{type(backend).__name__}` tells nothing of its noise",
            help="give a backend with properties, or write the model",
        )
    return model


def _pauli(words: dict[str, float], text: str) -> Channel:
    if len({len(word) for word in words}) != 1 or any(not re.fullmatch("[IXYZ]+", word) for word in words):
        raise ValidationError(f"{sorted(words)} are no Pauli words of one length", help='write `{"XX": 0.01, "IZ": 0.02}`')
    shares = {word: _probability(value, f"the probability of {word}") for word, value in words.items()}
    rest = _probability(1 - sum(shares.values()), "what the probabilities leave")
    width = len(next(iter(words)))
    matrices = [sqrt(rest) * np.eye(1 << width), *(sqrt(value) * pauli_matrix(word) for word, value in shares.items())]
    return Channel.of(text, matrices)


def _damping(gamma: float, excited: float) -> list[Array]:
    kept, lost, low, high = sqrt(1 - gamma), sqrt(gamma), sqrt(1 - excited), sqrt(excited)
    matrices = [[[1, 0], [0, kept]], [[0, lost], [0, 0]], [[kept, 0], [0, 1]], [[0, 0], [lost, 0]]]
    return [factor * np.array(matrix) for factor, matrix in zip((low, low, high, high), matrices, strict=True)]


def _model(noise: Channel | Depolarizing, gates: Names, on: Places) -> NoiseModel:
    return NoiseModel((Rule(noise, _names(gates), _places(on)),))


def _probability(value: float, what: str) -> float:
    if not hasattr(value, "__float__") or not isfinite(value) or not -1e-12 <= value <= 1 + 1e-12:
        raise ValidationError(f"`{what}` is between 0 and 1, not {value!r}")
    return min(max(float(value), 0.0), 1.0)


def _names(gates: Names) -> frozenset[str] | None:
    if gates is None:
        return None
    names = frozenset((gates,) if isinstance(gates, str) or not isinstance(gates, Iterable) else gates)
    for name in sorted(map(str, names)):
        if name not in GATES and name not in _OTHER_NAMES and not _MANY_CONTROLS.fullmatch(name):
            raise ValidationError(
                f"there is no gate `{name}` to have noise{did_you_mean(name, [*GATES, *_OTHER_NAMES])}",
                help="gates have their names of OpenQASM: `cx`, `rz`, `ccx`; beside these there are `measure` and `reset`",
            )
    return names


def _places(on: Places) -> frozenset[Qubits] | None:
    if on is None:
        return None
    entries = on if isinstance(on, Iterable) and not isinstance(on, tuple) else [on]
    return frozenset(_qubits(entry, on) for entry in entries)


def _qubits(place: Any, on: Any) -> Qubits:
    """The numbers of the qubits of one place of `on`."""
    found = tuple(place) if isinstance(place, Iterable) else (place,)
    if not all(map(is_whole, found)):
        raise ValidationError(
            f"`on` names qubits by their numbers, not {on!r}", help="write `on=0`, `on=[0, 1]`, `on=(0, 1)` for gates on both"
        )
    return tuple(map(int, found))
