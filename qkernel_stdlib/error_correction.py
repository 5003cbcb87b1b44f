"""Quantum error correction: codes as lists of checks, rounds that measure them, decoders that act on what was measured.

A check is a list of data qubits. Syndromes are bits in the order of the checks, one where a check fails. Checks of Z find X
errors and checks of X find Z errors. Gate counts are those of the gates as written.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import qkernel as qk

STEANE_CHECKS = ((3, 4, 5, 6), (1, 2, 5, 6), (0, 2, 4, 6))


@qk.qkernel
def repetition_encode(data: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """a |0> + b |1> on qubit 0 and 0 elsewhere become a |0...0> + b |1...1>: n - 1 CX."""
    for i in qk.range(1, data.shape[0]):
        data[0], data[i] = qk.cx(data[0], data[i])
    return data


@qk.qkernel
def repetition_syndrome(data: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Bit]]:
    """The n - 1 parities of neighbours, measured by a qubit of their own each: 2n - 2 CX.

    Source: Nielsen, Chuang 2010, section 10.1.1.
    """
    checks = data.shape[0] - 1
    syndrome = qk.bit_array(checks)
    for i in qk.range(checks):
        probe = qk.qubit("probe")
        data[i], probe = qk.cx(data[i], probe)
        data[i + 1], probe = qk.cx(data[i + 1], probe)
        syndrome[i] = qk.measure(probe)
    return data, syndrome


@qk.qkernel
def repetition_correct(data: qk.Vector[qk.Qubit], syndrome: qk.Vector[qk.Bit]) -> qk.Vector[qk.Qubit]:
    """X on the fewest qubits that explain the syndrome: right for fewer than n / 2 flips of n qubits.

    Either the qubits with an odd number of failed checks before them were flipped, or the others were.
    """
    n = data.shape[0]
    odd = qk.bit(False)
    flipped = 0
    for i in qk.range(n - 1):
        odd = odd ^ syndrome[i]
        flipped = flipped + (1 if odd else 0)
    others = 2 * flipped > n
    odd = qk.bit(False)
    for i in qk.range(n):
        if odd != others:
            data[i] = qk.x(data[i])
        if i < n - 1:
            odd = odd ^ syndrome[i]
    return data


def measure_checks(
    data: qk.Vector[qk.Qubit], checks: Sequence[Sequence[int]], letter: str = "Z"
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Bit]]:
    """The parities of these checks in Z or in X, each measured by a qubit of its own: as many CX as the checks have places.

    2 H more for a check of X. Source: Dennis, Kitaev, Landahl, Preskill 2002 (arXiv:quant-ph/0110143), section III.
    """
    syndrome = qk.bit_array(len(checks))
    for k, check in enumerate(checks):
        probe = qk.qubit("probe")
        if letter == "X":
            probe = qk.h(probe)
        for place in check:
            if letter == "X":
                probe, data[place] = qk.cx(probe, data[place])
            else:
                data[place], probe = qk.cx(data[place], probe)
        if letter == "X":
            probe = qk.h(probe)
        syndrome[k] = qk.measure(probe)
    return data, syndrome


def lookup_decoder(checks: Sequence[Sequence[int]], num_qubits: int) -> list[list[int]]:
    """For each syndrome, read as a number, bit 0 first, the fewest qubits whose flips explain it; [] where nothing does.

    Goes over sets of qubits by their size: for codes of a few dozen checks and errors of low weight.
    """
    masks = [sum(1 << k for k, check in enumerate(checks) if qubit in check) for qubit in range(num_qubits)]
    table: dict[int, list[int]] = {}
    for weight in range(num_qubits + 1):
        for qubits in combinations(range(num_qubits), weight):
            syndrome = 0
            for qubit in qubits:
                syndrome ^= masks[qubit]
            table.setdefault(syndrome, list(qubits))
        if len(table) == 2 ** len(checks):
            break
    return [table.get(syndrome, []) for syndrome in range(2 ** len(checks))]


def correct_by_table(
    data: qk.Vector[qk.Qubit], syndrome: qk.Vector[qk.Bit], table: Sequence[Sequence[int]], letter: str = "X"
) -> qk.Vector[qk.Qubit]:
    """The correction that a table of `lookup_decoder` has for the syndrome, in X or in Z: as many gates as it has entries."""
    number = 0
    for k in qk.range(syndrome.shape[0]):
        number = number + (2**k if syndrome[k] else 0)
    for value, qubits in [(value, qubits) for value, qubits in enumerate(table) if qubits]:
        if number == value:
            for qubit in qubits:
                data[qubit] = qk.x(data[qubit]) if letter == "X" else qk.z(data[qubit])
    return data


@qk.qkernel
def steane_encode(data: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """a |0> + b |1> on qubit 2 of seven, 0 elsewhere, in the code of Steane: 3 H and 11 CX; its checks are STEANE_CHECKS.

    They hold in X and in Z alike; logical X and Z are those of qubits 2, 4 and 5. Source: Steane 1996 (arXiv:quant-ph/9601029).
    """
    for i in (4, 5):
        data[2], data[i] = qk.cx(data[2], data[i])
    for first, *others in ((3, 4, 5, 6), (1, 2, 5, 6), (0, 2, 4, 6)):
        data[first] = qk.h(data[first])
        for i in others:
            data[first], data[i] = qk.cx(data[first], data[i])
    return data


def rotated_surface_code(distance: int) -> tuple[list[list[int]], list[list[int]]]:
    """The checks of X and of Z of the rotated surface code of odd distance d, on d**2 data qubits row by row.

    (d**2 - 1) / 2 checks of either kind, of two or four places. Logical X goes down a column, logical Z along a row.
    Source: Bombin, Martin-Delgado 2007 (arXiv:quant-ph/0703272); Tomita, Svore 2014 (arXiv:1404.3747).
    """
    checks: tuple[list[list[int]], list[list[int]]] = ([], [])
    for row in range(-1, distance):
        for column in range(-1, distance):
            corners = [(row, column), (row, column + 1), (row + 1, column), (row + 1, column + 1)]
            places = [r * distance + c for r, c in corners if 0 <= r < distance and 0 <= c < distance]
            kind = (row + column) % 2
            on_top_or_bottom = row in (-1, distance - 1)
            on_a_side = column in (-1, distance - 1)
            if (
                len(places) == 4
                or (len(places) == 2 and on_top_or_bottom and not on_a_side and kind == 0)
                or (len(places) == 2 and on_a_side and not on_top_or_bottom and kind == 1)
            ):
                checks[kind].append(places)
    return checks
