"""Multiplication modulo N by any adder; by ripple-carry adders: Toffoli gates where the Fourier forms have rotations.

Qubit 0 of a register is the least significant; n is the length of a register, c the number of controls, perhaps 0. Clean
workspace is the kernel's own, and counted. Gate counts are those of the gates as written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qkernel as qk
from qkernel_stdlib.arithmetic import add_modulo, ripple_carry_add
from qkernel_stdlib.tables import lookup_xor

ModularAdder = qk.Kernel[
    [qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.UInt, qk.UInt], tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]
]
"""An argument that adds a constant modulo a number, where all controls are 1: (controls, q, constant, modulus)."""
MultiplyAdd = Callable[
    [qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.UInt, qk.UInt],
    tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]],
]
"""An argument that adds a multiple of x to b: (controls, x, b, factor, modulus)."""


@qk.qkernel
def multiply_add_modulo(
    controls: qk.Vector[qk.Qubit],
    x: qk.Vector[qk.Qubit],
    b: qk.Vector[qk.Qubit],
    factor: qk.UInt,
    modulus: qk.UInt,
    adder: ModularAdder,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, b becomes b + factor * x mod `modulus`, by n of `adder` under one control more.

    Source: Vedral, Barenco, Ekert 1996 (arXiv:quant-ph/9511018), section III.C.
    """
    for i in qk.range(x.shape[0]):
        (controls, x[i]), b = adder((controls, x[i]), b, factor * 2**i % modulus, modulus)
    return controls, x, b


@qk.qkernel(clean_ancillas=True)
def multiply_modulo(
    controls: qk.Vector[qk.Qubit],
    x: qk.Vector[qk.Qubit],
    factor: qk.UInt,
    inverse: qk.UInt,
    modulus: qk.UInt,
    spare: qk.UInt,
    multiply_add: MultiplyAdd,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, x becomes factor * x mod `modulus`, for x below it; factor * inverse is 1 modulo it.

    `multiply_add` and its inverse around n swaps, with n + `spare` clean qubits for it to add to.
    Source: Vedral, Barenco, Ekert 1996 (arXiv:quant-ph/9511018), section III.D.
    """
    n = x.shape[0]
    b = qk.qubit_array(n + spare)
    controls, x, b = multiply_add(controls, x, b, factor, modulus)
    controls, x, b[:n] = qk.control(qk.swap, num_controls=controls.shape[0])(controls, x, b[:n])
    controls, x, b = qk.inverse(multiply_add)(controls, x, b, inverse, modulus)
    return controls, x


@qk.qkernel
def xor_const(q: qk.Vector[qk.Qubit], constant: qk.UInt) -> qk.Vector[qk.Qubit]:
    """|j> becomes |j ^ constant>: an X for each 1 of the constant's n binary digits."""
    for i in qk.range(q.shape[0]):
        if constant // 2**i % 2 == 1:
            q[i] = qk.x(q[i])
    return q


@qk.qkernel(clean_ancillas=True)
def ripple_modular_add_const(
    controls: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], constant: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, j becomes j + constant mod `modulus`, for j and constant below it, and it below 2**n.

    Five `ripple_carry_add`: 10n Toffoli, and n + 3 qubits of workspace; an X under c controls, those that `qk.control` adds
    included, for each 1 of the constant, four times, a CX and an X for each 1 of the modulus, twice.
    Sources: Vedral, Barenco, Ekert 1996 (arXiv:quant-ph/9511018), with the adder of arXiv:quant-ph/0410184.
    """
    term, carry, overflow, is_below = qk.qubit_array(q.shape[0]), qk.qubit(), qk.qubit(), qk.qubit()
    add, write = ripple_carry_add, qk.control(xor_const, num_controls=controls.shape[0])
    controls, term = write(controls, term, constant)
    term, q, carry, overflow = add(term, q, carry, overflow)
    controls, term = write(controls, term, constant)
    term, q, carry, overflow = qk.inverse(add)(xor_const(term, modulus), q, carry, overflow)
    overflow, is_below = qk.cx(overflow, is_below)
    is_below, term = qk.control(xor_const)(is_below, xor_const(term, modulus), modulus)
    term, q, carry, overflow = add(term, q, carry, overflow)
    is_below, term = qk.control(xor_const)(is_below, term, modulus)
    controls, term = write(controls, term, constant)
    term, q, carry, overflow = qk.inverse(add)(term, q, carry, overflow)
    overflow, is_below = qk.cx(overflow, qk.x(is_below))
    term, q, carry, overflow = add(term, q, carry, overflow)
    controls, term = write(controls, term, constant)
    return controls, q


@ripple_modular_add_const.control
@qk.qkernel
def _ripple_modular_add_const_where(
    more: qk.Vector[qk.Qubit], controls: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], constant: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    (more, controls), q = ripple_modular_add_const((more, controls), q, constant, modulus)
    return more, controls, q


@qk.qkernel
def ripple_modular_multiply(
    controls: qk.Vector[qk.Qubit], x: qk.Vector[qk.Qubit], factor: qk.UInt, inverse: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, x becomes factor * x mod `modulus`, for x below it; factor * inverse is 1 modulo it.

    The modulus is below 2**n. 2n modular additions of 10n Toffoli each around n swaps: 3n + c + 3 qubits, 2n + 3 of them
    workspace. Sources: those of `ripple_modular_add_const`.
    """
    controls, x = multiply_modulo(controls, x, factor, inverse, modulus, 0, _ripple_multiply_add)
    return controls, x


@qk.qkernel
def _ripple_multiply_add(
    controls: qk.Vector[qk.Qubit], x: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], factor: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    controls, x, b = multiply_add_modulo(controls, x, b, factor, modulus, ripple_modular_add_const)
    return controls, x, b


@qk.qkernel(clean_ancillas=True)
def windowed_multiply_add(
    controls: qk.Vector[qk.Qubit],
    x: qk.Vector[qk.Qubit],
    b: qk.Vector[qk.Qubit],
    factor: qk.UInt,
    modulus: qk.UInt,
    window: qk.UInt,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, b becomes b + factor * x mod `modulus`, below 2**n: `window` qubits of x at once.

    b is below the modulus. For each window `lookup_xor` writes its share into n qubits of workspace, `add_modulo` adds it, and
    the table takes it back: 12n - 14 + 4 (2**w - 2) Toffoli for each window of w qubits and n > 1; controls reach the tables
    alone. Source: Gidney 2019 (arXiv:1905.07682), section 3.5.
    """
    n, share = x.shape[0], qk.qubit_array(x.shape[0], name="share")
    look_up = qk.control(lookup_xor, num_controls=controls.shape[0])
    for i in qk.range(0, n, window):
        end, scale = min(i + window, n), factor * 2**i % modulus
        controls, x[i:end], share = look_up(controls, x[i:end], share, scale, modulus)
        share, b = add_modulo(share, b, modulus)
        controls, x[i:end], share = look_up(controls, x[i:end], share, scale, modulus)
    return controls, x, b


@windowed_multiply_add.control
@qk.qkernel
def _windowed_multiply_add_where(
    more: qk.Vector[qk.Qubit],
    controls: qk.Vector[qk.Qubit],
    x: qk.Vector[qk.Qubit],
    b: qk.Vector[qk.Qubit],
    factor: qk.UInt,
    modulus: qk.UInt,
    window: qk.UInt,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    (more, controls), x, b = windowed_multiply_add((more, controls), x, b, factor, modulus, window)
    return more, controls, x, b


@qk.qkernel
def windowed_modular_multiply(
    controls: qk.Vector[qk.Qubit], x: qk.Vector[qk.Qubit], factor: qk.UInt, inverse: qk.UInt, modulus: qk.UInt, window: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """As `ripple_modular_multiply`, by two `windowed_multiply_add`: `window` times fewer additions, tables of 2**window."""
    controls, x = multiply_modulo(
        controls,
        x,
        factor,
        inverse,
        modulus,
        0,
        lambda c, x, b, factor, modulus: windowed_multiply_add(c, x, b, factor, modulus, window),
    )
    return controls, x


def modmul_const(
    reg: Any,
    *,
    multiplier: Any,
    modulus: Any,
    window_size: int = 1,
    inverse_multiplier: Any = None,
    control: Any = None,
) -> Any:
    """Multiply the number in `reg`, below `modulus`, by a constant modulo that: where `control` is 1, if there is one.

    Gives back the register, behind the control if there is one. The inverse is computed if both numbers are known; else it
    is to be given. Gates and qubits are those of `ripple_modular_multiply`, with a `window_size` above 1 those of
    `windowed_modular_multiply`, which needs to know the sizes. Raises ValueError where there is no inverse.
    """
    if inverse_multiplier is None:
        inverse_multiplier = pow(multiplier, -1, modulus)
    controls: Any = qk.qubit_array(0) if control is None else [control]
    if window_size == 1:
        controls, reg = ripple_modular_multiply(controls, reg, multiplier, inverse_multiplier, modulus)
    else:
        controls, reg = windowed_modular_multiply(controls, reg, multiplier, inverse_multiplier, modulus, window_size)
    return reg if control is None else (controls[0], reg)
