"""Arithmetic under the names and with the arguments of Qamomile: its workspace is given, in 0, and comes back so.

Registers have n qubits, qubit 0 the least significant; `overflow` is above them. Numbers that are added modulo another are
below it. Gate counts are those of the gates as written.
"""

from __future__ import annotations

import qkernel as qk
from qkernel_stdlib.arithmetic import decrement_by, increment_by, ripple_carry_add
from qkernel_stdlib.arithmetic_fourier import add_const_to_phases_by, fourier_phases


@qk.qkernel
def add_const(target: qk.Vector[qk.Qubit], overflow: qk.Qubit, value: qk.UInt) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """The number in target and overflow becomes itself + value mod 2**(n + 1), by `increment_by`: 2n - 2 Toffoli for n > 0."""
    target, overflow = increment_by((target, overflow), value)
    return target, overflow


@add_const.control
@qk.qkernel
def controlled_add_const(
    control: qk.Qubit, target: qk.Vector[qk.Qubit], overflow: qk.Qubit, value: qk.UInt
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Qubit]:
    """`add_const` where the control is 1: 2n Toffoli."""
    control, (target, overflow) = qk.control(increment_by)(control, (target, overflow), value)
    return control, target, overflow


@qk.qkernel
def modular_add_const(
    target: qk.Vector[qk.Qubit], overflow: qk.Qubit, flag: qk.Qubit, addend: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit]:
    """target becomes target + addend mod `modulus`, which is at most 2**n: `fourier_modular_add_const` with one qubit more."""
    _, (target, overflow), flag = _modular_add_const(qk.qubit_array(0), (target, overflow), flag, addend, modulus)
    return target, overflow, flag


@modular_add_const.control
@qk.qkernel
def controlled_modular_add_const(
    control: qk.Qubit, target: qk.Vector[qk.Qubit], overflow: qk.Qubit, flag: qk.Qubit, addend: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit]:
    """`modular_add_const` where the control is 1: 3 (n + 1) of its P are CP."""
    [control], (target, overflow), flag = _modular_add_const([control], (target, overflow), flag, addend, modulus)
    return control, target, overflow, flag


@qk.qkernel
def _modular_add_const(
    controls: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], flag: qk.Qubit, addend: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit]:
    controls, q, flag = qk.within_apply(
        lambda c, q, flag: (c, fourier_phases(q), flag),
        lambda c, q, flag: add_const_to_phases_by(c, q, flag, addend, modulus),
    )(controls, q, flag)
    return controls, q, flag


@qk.qkernel
def modular_add(
    addend: qk.Vector[qk.Qubit],
    modulus: qk.Vector[qk.Qubit],
    target: qk.Vector[qk.Qubit],
    carry: qk.Qubit,
    overflow: qk.Qubit,
    flag: qk.Qubit,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit, qk.Qubit]:
    """target becomes target + addend modulo the number in `modulus`: five `ripple_carry_add`, 11n + 1 Toffoli for n > 0.

    Source: Vedral, Barenco, Ekert 1996 (arXiv:quant-ph/9511018), section III.B.
    """
    _, addend, modulus, target, carry, overflow, flag = _modular_add(
        qk.qubit_array(0), addend, modulus, target, carry, overflow, flag
    )
    return addend, modulus, target, carry, overflow, flag


@modular_add.control
@qk.qkernel
def controlled_modular_add(
    control: qk.Qubit,
    addend: qk.Vector[qk.Qubit],
    modulus: qk.Vector[qk.Qubit],
    target: qk.Vector[qk.Qubit],
    carry: qk.Qubit,
    overflow: qk.Qubit,
    flag: qk.Qubit,
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit, qk.Qubit]:
    """`modular_add` where the control is 1, which three of the additions take: 14n + 4 Toffoli for n > 0."""
    [control], addend, modulus, target, carry, overflow, flag = _modular_add(
        [control], addend, modulus, target, carry, overflow, flag
    )
    return control, addend, modulus, target, carry, overflow, flag


@qk.qkernel
def _modular_add(
    controls: qk.Vector[qk.Qubit],
    addend: qk.Vector[qk.Qubit],
    modulus: qk.Vector[qk.Qubit],
    target: qk.Vector[qk.Qubit],
    carry: qk.Qubit,
    overflow: qk.Qubit,
    flag: qk.Qubit,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit, qk.Qubit]:
    add = qk.control(ripple_carry_add, num_controls=controls.shape[0])
    controls, addend, target, carry, overflow = add(controls, addend, target, carry, overflow)
    modulus, target, carry, overflow = qk.inverse(ripple_carry_add)(modulus, target, carry, overflow)
    overflow, flag = qk.cx(overflow, flag)
    flag, modulus, target, carry, overflow = qk.control(ripple_carry_add)(flag, modulus, target, carry, overflow)
    controls, addend, target, carry, overflow = qk.inverse(add)(controls, addend, target, carry, overflow)
    overflow, flag = qk.within_apply(lambda o, f: (qk.x(o), f), qk.cx)(overflow, flag)
    controls, addend, target, carry, overflow = add(controls, addend, target, carry, overflow)
    return controls, addend, modulus, target, carry, overflow, flag


@qk.qkernel
def controlled_modular_add_const_modulus(
    control: qk.Qubit,
    addend: qk.Vector[qk.Qubit],
    target: qk.Vector[qk.Qubit],
    carry: qk.Qubit,
    overflow: qk.Qubit,
    flag: qk.Qubit,
    modulus: qk.UInt,
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit, qk.Qubit]:
    """`controlled_modular_add` by a constant modulus, below 2**n: 13n + 1 Toffoli for n > 0, n + 1 clean qubits of its own.

    Source: Vedral, Barenco, Ekert 1996 (arXiv:quant-ph/9511018), section III.B.
    """
    add = qk.control(ripple_carry_add)
    control, addend, target, carry, overflow = add(control, addend, target, carry, overflow)
    target, overflow = decrement_by((target, overflow), modulus)
    overflow, flag = qk.cx(overflow, flag)
    flag, (target, overflow) = qk.control(increment_by)(flag, (target, overflow), modulus)
    control, addend, target, carry, overflow = qk.inverse(add)(control, addend, target, carry, overflow)
    overflow, flag = qk.within_apply(lambda o, f: (qk.x(o), f), qk.cx)(overflow, flag)
    control, addend, target, carry, overflow = add(control, addend, target, carry, overflow)
    return control, addend, target, carry, overflow, flag
