"""Observables as how many terms they have of each Pauli word: all that counts ask of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from qkernel.estimate.quantity import ONE, ZERO, Bound, Quantity, Value, Word, Words, quantity
from qkernel.observable import Hamiltonian


def pauli_word(operators: Iterable[Any]) -> str:
    """The letters of a product of Paulis, in alphabetical order: what its rotation costs does not depend on theirs."""
    return "".join(sorted(str(operator.pauli.value) for operator in operators))


def listed(value: Value) -> Words:
    """The words of an observable; of one that is not bound, itself in place of them."""
    match value:
        case Words():
            return value
        case Bound(Hamiltonian() as known):
            counts = Counter(map(pauli_word, known.terms)) + Counter([""] if known.constant else [])
            return Words(tuple((word, quantity(count)) for word, count in counts.items()))
    return Words(((value, ONE),))  # type: ignore[arg-type]


def added(parts: Iterable[Words]) -> Words:
    """The terms of all parts."""
    total: dict[Word, Quantity] = {}
    for part in parts:
        for word, count in part.counts:
            total[word] = total.get(word, ZERO) + count
    return Words(tuple(total.items()))


def weighted(observable: Words, weight: Quantity) -> Words:
    """The terms `weight` times."""
    return observable.map(lambda count: count * weight)


def product(left: Words, right: Words) -> Words | None:
    """Each term of one times each of the other, on qubits that differ; None where an observable is not bound."""
    pairs = [(one, other, first * second) for one, first in left.counts for other, second in right.counts]
    found = []
    for one, other, count in pairs:
        if isinstance(one, str) and isinstance(other, str):
            found.append(Words((("".join(sorted(one + other)), count),)))
        elif not one or not other:
            found.append(Words(((one or other, count),)))
        else:
            return None
    return added(found)


def with_words(observable: Words, words: Iterable[Word]) -> Words:
    """The same with all of these words, of those that it lacks no term."""
    return added([observable, Words(tuple((word, ZERO) for word in words))])


def substituted(observable: Words, change: Callable[[Value], Value]) -> Words:
    """The words where other values stand for names."""
    inside = (
        (Words(((word, ONE),)) if isinstance(word, str) else listed(change(word)), count) for word, count in observable.counts
    )
    return added(weighted(part, change(count)) for part, count in inside)  # type: ignore[arg-type]
