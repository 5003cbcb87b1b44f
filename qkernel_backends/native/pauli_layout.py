"""Where `pauli_vectors` finds what it works on: the program as data, and the arrays of a call."""

from __future__ import annotations

# Places in `code`: of the header, and of each map behind it.
SIZE, SAMPLES, GRADIENT_STRIDE, HEADER = 0, 1, 2, 8
KIND, DIGITS, DIMENSION, MATRIX, STRIDE, GRADIENT, RESTORES, SKIPPED, OFFSETS, CONTIGUOUS, WORD, WIDTH = range(12)
BLOCK, TURN = 0, 1
FORWARD, BACKWARD = 0, 1
STATE, COSTATE, MATRICES, INVERSES, GRADIENTS, WORK, NUM_ARRAYS = range(7)  # places in `arrays`

RUN = 16
"""Words that are worked on together: those that differ in the two lowest digits that a block leaves alone."""
