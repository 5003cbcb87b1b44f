"""Quantum walks in discrete time.

A coin of one qubit or more says where to go; the position is a number in a register, qubit 0 the least significant. Gate counts
are those of the gates as written.
"""

from __future__ import annotations

import qkernel as qk
from qkernel_stdlib.arithmetic import modular_decrement, modular_increment
from qkernel_stdlib.search import diffusion


@qk.qkernel
def cycle_walk(position: qk.Vector[qk.Qubit], coin: qk.Qubit, steps: qk.UInt) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """`steps` times H on the coin, then one site forward where it is 1 and one back where it is 0, on a ring of 2**n sites.

    A step is one H and 2n gates under up to n controls. Source: Aharonov, Ambainis, Kempe, Vazirani 2001
    (arXiv:quant-ph/0012090).
    """
    for _ in qk.range(steps):
        coin = qk.h(coin)
        coin, position = qk.control(modular_increment)(coin, position)
        coin, position = qk.control(modular_decrement, control_value=0)(coin, position)
    return position, coin


@qk.qkernel
def hypercube_walk(
    position: qk.Vector[qk.Qubit], coin: qk.Vector[qk.Qubit], steps: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """`steps` times `diffusion` of the coin of m qubits, then X on qubit k of the position where the coin is k, k < 2**m.

    The position has 2**m qubits, a corner of the hypercube. Source: Moore, Russell 2002 (arXiv:quant-ph/0104137).
    """
    m = coin.shape[0]
    for _ in qk.range(steps):
        coin = diffusion(coin)
        for k in qk.range(2**m):
            coin, position[k] = qk.control(qk.x, num_controls=m, control_value=k)(coin, position[k])
    return position, coin
