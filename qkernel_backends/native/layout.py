"""What the machine code is told by numbers: where things stand in the arrays `code` (whole numbers), `numbers` and `work`.

`code` begins with the header below; an entry *_AT is the place of a section in `code` (C), `numbers` (N) or `work` (W).
An element of the state is (amplitude << lane bits) | sample lane; the lowest bits of an element share a vector.
A large state is worked on in blocks: all bits and masks are then those inside a block, and an `outer` mask is one of
elements of the whole state, to be compared with the `base`, the block's bits outside.
"""

from __future__ import annotations

# fmt: off
(
    QUBITS, LANE_BITS, SIZE, NUM_INPUTS, NUM_OPS, OPS_AT,             # SIZE: elements of a state's real part
    NUM_ROWS, ROWS_AT, ROW_TERMS_AT, ROW_NUMBERS_AT,                  # C: (first term, last, stage); C: columns; N: offset...
    NUM_GROUPS, GROUPS_AT, FACTORS_AT,                                # C: (first factor, last, stage, lane mask); (axis, row)
    PHASE_TERMS_AT, START_AT,                                         # C: (mask, row, outer mask); C: group of each bit
    NUM_WORDS, NUM_WORD_GROUPS, WORD_GROUPS_AT, WORDS_AT,             # C: (x, first, last, folded, any odd); (z, Ys, outer z)
    NUM_VALUES, SUMS_AT, SUM_TERMS_AT, SUM_NUMBERS_AT,                # C: (first, last); C: word; N: constants, coefficients
    NUM_IMAGES, IMAGES_AT, PARTS_AT, TERMS_AT, TERM_VECTORS_AT,       # C: see `readout.observe`; W
    FROM_ZERO, NUM_WEIGHTS, LIMIT_AT,                                 # N: how large columns may be
    STATE_AT, SCRATCH_AT, SIGNS_AT, INPUTS_AT, ROW_VALUES_AT, TURNS_AT, COEFFICIENTS_AT, MOMENTS_AT, ROW_GRADIENTS_AT,
    WORD_VALUES_AT, WORD_WEIGHTS_AT, FOLDED_AT, DENSE_AT, LANE_MASKS_AT, PHASE_AT, CROSSING_AT,     # W
    NUM_OUTER, OUTER_AT, OUTER_START_AT, TEMPLATE_AT, OVERLAPS_AT,    # C: bits outside of the first pass; their groups; W
    HEADER,
) = range(53)

# An operation: OP_WIDTH whole numbers.
OP_WIDTH = 14
KIND, BIT, OTHER, CONTROLS, VALUE, AT, GROUP, REAL, LOW, EXTRA, STAGE, OUTER_CONTROLS, OUTER_VALUE, CROSSING = range(14)
ROTATION, PHASES, FLIP, PAULI, DENSE, PAIR, LOW_ROTATIONS, LOW_FLIPS, MOVE, LOAD = range(10)
ABOUT_Y, ABOUT_X = 1, 2  # rotations with real coefficients, or a real and an imaginary one; else 0

# A pass: PASS_WIDTH whole numbers.
PASS_WIDTH = 11
RUN_BITS, NUM_HIGH, LISTS_AT, NUM_OUTSIDE, FIRST_OP, LAST_OP, FIRST_WORDS, LAST_WORDS = range(8)
FIRST_IMAGE, LAST_IMAGE, LOOKS_FAR = range(8, 11)  # the last: whether images take other blocks from STATES

# The arrays of a call, beside `code` and `numbers`. STATES: shape (batch, 2, 2**n), the large state, or a row for each chunk;
# for RETRACE shape (batch, 4, 2**n), state and co-state.
# Once the first number of STOP is not 0 any more, nobody waits for the call, and it ends as soon as it can.
WORK, STATES, STOP, INPUTS, WEIGHTS, COTANGENT, VALUES, GRAD_INPUTS, GRAD_WEIGHTS, NUM_ARRAYS = range(10)

GAP = 5  # vectors between the parts of a state

# What a call does. EXPECT fills VALUES; GRADIENT also GRAD_INPUTS, and adds to GRAD_WEIGHTS; EVOLVE goes through STATES, and
# RETRACE back, with the gradients of what it undoes.
# KEEP is an EXPECT, and RESUME the rest of a GRADIENT behind it, in the same workspace and for the same samples; STATES have
# a row for each chunk of samples between them where the call says so. EXPECT, GRADIENT, KEEP and BEGIN_CALL (for a batch of
# `last` samples) give 1, and do nothing, where a column lies beyond the limit or is not a number, else 0.
EXPECT, GRADIENT, EVOLVE, CONSTANTS, KEEP, RESUME, RETRACE = range(7)
# For a large state, what is done between passes ...
BEGIN_CALL, BEGIN_SAMPLE, WEIGH, SUM_UP, END_START, END_SAMPLE, END_CALL = range(16, 23)
# ... and with each block of a pass; several may be added.
FORWARD, READ, BEGIN, OBSERVE, UNDO, FIRST = 256, 512, 1024, 2048, 4096, 8192

# When something is computed: with the workspace, once per call, for each chunk of samples.
# Tables of phases may be WHERE_USED: all of them in one place, anew for each step forwards and backwards.
CONSTANT, SHARED, BATCHED, WHERE_USED = range(4)
# fmt: on
