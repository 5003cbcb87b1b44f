"""The arrays that planning works on, by number: `w` lists those of whole numbers, `f` those of real ones.

What reads them is compiled to machine code, where `w` and `f` are pointers to pointers; where that is not there the same
functions run on lists. So they use loops, comparisons and arithmetic only. Sets of qubits are bit masks.
"""

from __future__ import annotations

# fmt: off
(
    SIZES,                                                            # the numbers below
    CODE, FIRST_QUBIT, FIRST_SLOT, KEPT, QUBITS,                      # instructions, and their qubits one after another
    ROLE, WIDTH, RENAMES, ACTS_AT, ACTS,                              # kinds; whether it acts on each of its qubits
    ROW_AT, ROW_KIND, ROW_X, ROW_Z, ROW_CONTROLS, ROW_VALUE, ROW_SLOT,  # what a kind does, on masks of its own qubits
    SLOT_AT, SLOT_COLUMN, SLOT_VARIES,                                # the affine angles of slots
    PLACE, ALIVE, TURNED, BIT, TOUCHES,                               # qubits; the operations that touch each
    OP_KIND, OP_X, OP_Z, OP_CONTROLS, OP_VALUE, OP_MOVED, OP_SUPPORT, OP_ORIGIN,
    OP_NEXT, OP_PREVIOUS, OP_FIRST, OP_LAST, OP_LIVE,                 # a ring; entries; how many phases are not 0
    ENTRY_WHAT, ENTRY_ANGLE, ENTRY_NEXT, ENTRY_PREVIOUS, ENTRY_OP,    # an axis or a mask, and its angle
    ANGLE_FIRST, ANGLE_COUNT, ANGLE_VARIES, TERM_COLUMN, TERM_NEXT,
    FOUND,                                                            # entries of phases by operation and mask
    WORD_X, WORD_Z, WORD_SIGN,                                        # what is read out
    OUT_KIND, OUT_X, OUT_Z, OUT_CONTROLS, OUT_VALUE, OUT_ORIGIN, OUT_AT, OUT_WHAT, OUT_ANGLE, OUT_TERM_AT, OUT_COLUMN,
    NUM_WHOLE,
) = range(65)
(
    ROW_FACTOR, ROW_OFFSET, SLOT_OFFSET, SLOT_COEFFICIENT, ANGLE_OFFSET, TERM_COEFFICIENT, OUT_OFFSET, OUT_COEFFICIENT,
    NUM_REAL,
) = range(9)

(
    INSTRUCTIONS, NUM_QUBITS, FROM_ZERO, EXPECTS, WORDS, FOUND_SIZE, PENDING, GLOBAL_PHASE,
    OPS, ENTRIES, ANGLES, TERMS, STARTED, OUT_OPS, OUT_ENTRIES, OUT_ANGLES, OUT_TERMS, NUM_SIZES,
) = range(18)

# What a kind of gate is for a light cone.
DIAGONAL, FLIPPING, OTHER = range(3)
# The operations of a plan; a phase is of one parity, PHASES of several.
ROTATION, PHASES, FLIP, PAULI, DENSE, LOAD = range(6)
X, Y, Z = range(3)
# fmt: on
