"""The integrals of the hydrogen molecule in STO-3G, by the formulas for Gaussians of Szabo and Ostlund, appendix A."""

from __future__ import annotations

import numpy as np
from scipy.special import erf

BOHR = 0.529177210903
"""Angstrom."""
EXPONENTS = np.array([3.425250914, 0.6239137298, 0.1688554040])
COEFFICIENTS = np.array([0.1543289673, 0.5353281423, 0.4446345422])
"""Of hydrogen, scaled by 1.24: Hehre, Stewart and Pople 1969, J. Chem. Phys. 51, 2657."""


def boys(t: np.ndarray) -> np.ndarray:
    """The integral of exp(-t x^2) from 0 to 1."""
    root = np.sqrt(np.maximum(t, 1e-16))
    return np.where(t < 1e-16, 1.0, np.sqrt(np.pi) / 2 * erf(root) / root)


def integrals(distance: float) -> list[float]:
    """1/R, h00, h11, (00|00), (11|11), (00|11), (01|01) in hartree at a distance in angstrom, molecular orbitals 0 and 1."""
    places = np.repeat([0.0, distance / BOHR], 3)  # six primitive functions, three at each proton
    exponents = np.tile(EXPONENTS, 2)
    weights = np.tile(COEFFICIENTS * (2 * EXPONENTS / np.pi) ** 0.75, 2)
    total = exponents[:, None] + exponents
    reduced = exponents[:, None] * exponents / total
    squares = (places[:, None] - places) ** 2
    centers = (exponents[:, None] * places[:, None] + exponents * places) / total
    pairs = weights[:, None] * weights * np.exp(-reduced * squares)
    overlap = (np.pi / total) ** 1.5 * pairs
    one = reduced * (3 - 2 * reduced * squares) * overlap
    for proton in (0.0, distance / BOHR):
        one -= 2 * np.pi / total * pairs * boys(total * (centers - proton) ** 2)
    product, joined = np.multiply.outer(total, total), np.add.outer(total, total)
    apart = np.subtract.outer(centers, centers) ** 2
    two = 2 * np.pi**2.5 / (product * np.sqrt(joined)) * np.multiply.outer(pairs, pairs) * boys(product / joined * apart)
    orbitals = np.repeat(np.array([[1, 1], [1, -1]]), 3, axis=1)  # by symmetry: the sum and the difference of the two atoms
    orbitals = orbitals / np.sqrt(np.einsum("ka,kb,ab->k", orbitals, orbitals, overlap))[:, None]
    h = np.einsum("ia,jb,ab->ij", orbitals, orbitals, one)
    g = np.einsum("ia,jb,kc,ld,abcd->ijkl", orbitals, orbitals, orbitals, orbitals, two, optimize=True)
    return [BOHR / distance, h[0, 0], h[1, 1], g[0, 0, 0, 0], g[1, 1, 1, 1], g[0, 0, 1, 1], g[0, 1, 0, 1]]
