"""Short runs of fixed gates, replaced by shorter ones with the same matrix, its phase included."""

from __future__ import annotations

from functools import cache

import numpy as np

from qkernel.gates import GATES, Matrix
from qkernel.ir import ops
from qkernel.ir.ops import Block, Op
from qkernel.ir.places import Place
from qkernel.optimize.passes import REACH, Pass
from qkernel.optimize.touches import Reading

_LONGEST = 3  # words of gates that are tried in place of a longer one

Word = tuple[str, ...]


@cache
def _matrices() -> dict[str, Matrix]:
    """The fixed gates on one qubit, those before the others that machines with error correction have cheaper."""
    single = [rule for rule in GATES.values() if rule.qubits and not rule.angles and rule.num_qubits == 1]
    return {rule.name: rule.matrix() for rule in sorted(single, key=lambda rule: not rule.clifford)}


@cache
def _words() -> dict[bytes, Word]:
    """The shortest word for each matrix that a few gates make; the first gate first."""
    found: dict[bytes, Word] = {_key(np.eye(2, dtype=complex)): ()}
    last: list[tuple[Word, Matrix]] = [((), np.eye(2, dtype=complex))]
    for _ in range(_LONGEST):
        following = []
        for word, matrix in last:
            for name, gate in _matrices().items():
                longer, product = (*word, name), gate @ matrix
                if found.setdefault(_key(product), longer) == longer:
                    following.append((longer, product))
        last = following
    return found


def _key(matrix: Matrix) -> bytes:
    return (np.round(matrix, 9) + 0).tobytes()


@cache
def shorter(word: Word) -> Word | None:
    """A shorter word with the matrix of `word`, if there is one; never with more gates that are not Clifford."""
    product: Matrix = np.eye(2, dtype=complex)
    for name in word:
        product = _matrices()[name] @ product
    found = _words().get(_key(product))
    if found is None or len(found) >= len(word) or _costly(found) > _costly(word):
        return None
    return found


def _costly(word: Word) -> int:
    return sum(not GATES[name].clifford for name in word)


@Pass
def simplify_cliffords(block: Block, reading: Reading) -> Block:
    """Runs of fixed gates on one qubit become the shortest that have their matrix, and `h` `cx` `h` becomes `cz`."""
    done: list[Op] = []
    for op in block:
        done.append(op)
        while _shortened(done, reading) or _turned(done, reading):
            pass
    return tuple(done)


def _is_fixed(op: Op) -> bool:
    return isinstance(op, ops.Gate) and op.gate in _matrices() and not op.modifiers


def _before(done: list[Op], position: int, place: Place, reading: Reading) -> int | None:
    """Where the last op before `position` stands that touches `place`."""
    for earlier in range(position - 1, max(-1, position - 1 - REACH), -1):
        if not all(reading.apart(touch.place, place) for touch in reading.touches(done[earlier])):
            return earlier
    return None


def _shortened(done: list[Op], reading: Reading) -> bool:
    """Replace the last gates on the place of the last op by fewer, if there are such."""
    if not done or not _is_fixed(done[-1]):
        return False
    last = done[-1]
    assert isinstance(last, ops.Gate)
    (place,) = last.places
    run: list[int] = [len(done) - 1]
    word: Word = (last.gate,)
    while (position := _before(done, run[0], place, reading)) is not None and len(word) <= _LONGEST:
        earlier = done[position]
        if not (isinstance(earlier, ops.Gate) and _is_fixed(earlier) and earlier.places == (place,)):
            return False
        run, word = [position, *run], (earlier.gate, *word)
        if (found := shorter(word)) is not None:
            for position in reversed(run):
                del done[position]
            done += [ops.Gate(name, (place,), span=last.span) for name in found]
            return True
    return False


def _turned(done: list[Op], reading: Reading) -> bool:
    """Make of a controlled gate between a gate and its inverse, the last op, the controlled gate that it is then."""
    if not done or not _is_fixed(done[-1]):
        return False
    last = done[-1]
    assert isinstance(last, ops.Gate)
    (place,) = last.places
    middle = _before(done, len(done) - 1, place, reading)
    first = None if middle is None else _before(done, middle, place, reading)
    if middle is None or first is None:
        return False
    inner, opening = done[middle], done[first]
    if not (isinstance(opening, ops.Gate) and _is_fixed(opening) and opening.places == (place,)):
        return False
    if not isinstance(inner, ops.Gate) or inner.modifiers or inner.gate not in GATES or place != inner.places[-1]:
        return False
    found = conjugated(opening.gate, inner.gate, last.gate)
    if found is None:
        return False
    done[middle] = ops.Gate(found, inner.places, span=inner.span)
    del done[-1], done[first]
    return True


@cache
def conjugated(opening: str, inner: str, closing: str) -> str | None:
    """The controlled gate that `inner` is between a gate on its target and the inverse of that, if the table has it."""
    rule = GATES[inner]
    if not rule.controls or rule.base not in _matrices() or GATES[opening].adjoint != closing:
        return None
    word = shorter((opening, rule.base, closing))
    made = {(other.base, other.controls): name for name, other in GATES.items()}
    return made.get((word[0], rule.controls)) if word is not None and len(word) == 1 else None
