"""Which products of Paulis can be measured together, and which gates turn them into products of Z."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from qkernel.observable.paulis import Operators, Pauli

Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Gate = tuple[str, tuple[int, ...]]


def commuting(terms: Iterable[Operators]) -> list[list[Operators]]:
    """The terms in groups of which each two commute; greedy, in the order of the terms.

    Two products commute where an even number of qubits is asked for different Paulis.
    """
    groups: list[tuple[list[tuple[int, int]], list[Operators]]] = []
    for term in terms:
        flips = sum(1 << entry.index for entry in term if entry.pauli is not Pauli.Z)
        signs = sum(1 << entry.index for entry in term if entry.pauli is not Pauli.X)
        fitting = (
            group for group in groups if all(((flips & z).bit_count() + (signs & x).bit_count()) % 2 == 0 for x, z in group[0])
        )
        masks, members = next(fitting, ([], []))
        if not members:
            groups.append((masks, members))
        masks.append((flips, signs))
        members.append(term)
    return [members for _, members in groups]


@dataclass(frozen=True)
class Diagonal:
    """Gates, and what commuting products of Paulis are behind them: of each its sign, and the qubits whose Z it multiplies."""

    gates: tuple[Gate, ...]
    terms: tuple[tuple[int, tuple[int, ...]], ...]


def diagonalised(terms: Sequence[Operators]) -> Diagonal:
    """Clifford gates that turn commuting products into products of Z: one-qubit gates where terms commute qubit by qubit.

    The others are taken one after another: CX gates leave one X of a product, CZ gates none of its Z beside it, and H makes
    it a Z; the products that are left commute with that, so that its qubit is done (Gokhale et al. 2020, IEEE Trans. Quantum
    Eng. 1, 3101524). At most about n**2 gates for n qubits.
    """
    table = _Table(terms)
    for place in range(len(table.qubits)):
        flips, signs = table.flips[:, place], table.signs[:, place]
        touched = flips | signs
        if flips.any() and np.array_equal(flips, touched) and len(set(signs[touched].tolist())) == 1:
            table.turn(place, is_y=bool(signs[touched][0]))
    for row in range(len(terms)):
        if table.flips[row].any():
            table.settle(row)
    return table.result()


class _Table:
    """Products of Paulis as bits, and the gates that they went through: P becomes G P G'.

    `flips` tell where X or Y stands, `signs` where Z or Y does, `minus` which products have the sign -1.
    """

    def __init__(self, terms: Sequence[Operators]) -> None:
        self.qubits = sorted({entry.index for term in terms for entry in term})
        places = {qubit: place for place, qubit in enumerate(self.qubits)}
        self.flips: Flags = np.zeros((len(terms), len(self.qubits)), bool)
        self.signs, self.minus = self.flips.copy(), np.zeros(len(terms), bool)
        self.gates: list[Gate] = []
        for row, term in enumerate(terms):
            for entry in term:
                self.flips[row, places[entry.index]] = entry.pauli is not Pauli.Z
                self.signs[row, places[entry.index]] = entry.pauli is not Pauli.X

    def turn(self, place: int, is_y: bool) -> None:
        """Turn X, or Y, into Z."""
        if is_y:
            self._apply("sdg", place)
        self._apply("h", place)

    def settle(self, row: int) -> None:
        """Turn a product into one Z."""
        pivot = int(self.flips[row].argmax())
        for place in np.flatnonzero(self.flips[row]).tolist():
            if place != pivot:
                self._apply("cx", pivot, place)
        for place in np.flatnonzero(self.signs[row]).tolist():
            if place != pivot:
                self._apply("cz", pivot, place)
        self.turn(pivot, is_y=bool(self.signs[row, pivot]))

    def _apply(self, name: str, *places: int) -> None:
        flips, signs = ([bits[:, place] for place in places] for bits in (self.flips, self.signs))
        match name:
            case "h":
                self.minus ^= flips[0] & signs[0]
                self.flips[:, places[0]], self.signs[:, places[0]] = signs[0].copy(), flips[0].copy()
            case "sdg":
                self.minus ^= flips[0] & ~signs[0]
                signs[0] ^= flips[0]
            case "cx":
                self.minus ^= flips[0] & signs[1] & ~(flips[1] ^ signs[0])
                flips[1] ^= flips[0]
                signs[0] ^= signs[1]
            case "cz":
                self.minus ^= flips[0] & flips[1] & (signs[0] ^ signs[1])
                signs[0] ^= flips[1]
                signs[1] ^= flips[0]
        self.gates.append((name, tuple(self.qubits[place] for place in places)))

    def result(self) -> Diagonal:
        signs = np.where(self.minus, -1, 1).tolist()
        qubits = [tuple(self.qubits[place] for place in np.flatnonzero(row)) for row in self.signs]
        return Diagonal(tuple(self.gates), tuple(zip(signs, qubits, strict=True)))
