"""Whole numbers in registers: addition, comparison, multiplication by Toffoli gates.

Qubit 0 of a register is the least significant; n is the length of the registers, which are equally long unless it is said.
Clean workspace is the kernel's own. Gate counts are those of the gates as written.
"""

from __future__ import annotations

import qkernel as qk
from qkernel_stdlib.controlled_gates import multi_controlled_x, temporary_and


@qk.qkernel
def modular_increment(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """|j> becomes |j + 1 mod 2**n>: an X under k controls for each k < n, without workspace."""
    for i in qk.range(q.shape[0] - 1, -1, -1):
        q[:i], q[i] = multi_controlled_x(q[:i], q[i])
    return q


@qk.qkernel
def modular_decrement(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """|j> becomes |j - 1 mod 2**n>: the inverse of `modular_increment`, with its counts."""
    return qk.inverse(modular_increment)(q)


@qk.qkernel(clean_ancillas=True)
def increment(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """`modular_increment` by n - 2 clean qubits: 2n - 4 Toffoli, n - 1 CX and one X for n > 1.

    Under a control 2n - 2 Toffoli, n CX and 2 X for n > 0, by one clean qubit more.
    """
    n = q.shape[0]
    if n > 2:
        carry = qk.qubit_array(n - 2, "carry")
        q[0], q[1], carry[0] = qk.ccx(q[0], q[1], carry[0])
        for i in qk.range(1, n - 2):
            q[i + 1], carry[i - 1], carry[i] = qk.ccx(q[i + 1], carry[i - 1], carry[i])
        carry[n - 3], q[n - 1] = qk.cx(carry[n - 3], q[n - 1])
        for i in qk.range(n - 3, 0, -1):
            q[i + 1], carry[i - 1], carry[i] = qk.ccx(q[i + 1], carry[i - 1], carry[i])
            carry[i - 1], q[i + 1] = qk.cx(carry[i - 1], q[i + 1])
        q[0], q[1], carry[0] = qk.ccx(q[0], q[1], carry[0])
    if n > 1:
        q[0], q[1] = qk.cx(q[0], q[1])
    if n > 0:
        q[0] = qk.x(q[0])
    return q


@increment.control
@qk.qkernel
def _increment_where(control: qk.Qubit, q: qk.Vector[qk.Qubit]) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    """The control is one more digit, and then what it was."""
    control, q = increment((control, q))
    return qk.x(control), q


@qk.qkernel
def add(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """b becomes a + b mod 2**n, without workspace: 2n - 2 Toffoli, 5n - 6 CX for n > 1. Under a control `controlled_add`.

    Source: Takahashi, Tani, Kunihiro 2010 (arXiv:0910.2530).
    """
    n = a.shape[0]
    a, b = _carried(a, b)
    for i in qk.range(n - 1, 0, -1):
        a[i], b[i] = qk.cx(a[i], b[i])
        a[i - 1], b[i - 1], a[i] = qk.ccx(a[i - 1], b[i - 1], a[i])
    for i in qk.range(1, n - 1):
        a[i], a[i + 1] = qk.cx(a[i], a[i + 1])
    a, b = qk.cx(a, b)
    return a, b


@qk.qkernel
def _carried(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """b[i] becomes a[i] ^ b[i] but for i = 0, then a[i] becomes a[i] ^ the carry into bit i."""
    n = a.shape[0]
    a[1:], b[1:] = qk.cx(a[1:], b[1:])
    for i in qk.range(n - 2, 0, -1):
        a[i], a[i + 1] = qk.cx(a[i], a[i + 1])
    for i in qk.range(n - 1):
        a[i], b[i], a[i + 1] = qk.ccx(a[i], b[i], a[i + 1])
    return a, b


@add.control
@qk.qkernel
def controlled_add(
    control: qk.Qubit, a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """`add` where the control is 1: 3n - 2 Toffoli, 4n - 6 CX for n > 1. Only what is written into b takes the control.

    Source: Munoz-Coreas, Thapliyal 2019 (arXiv:1706.05113).
    """
    n = a.shape[0]
    a, b = _carried(a, b)
    for i in qk.range(n - 1, 0, -1):
        control, a[i], b[i] = qk.ccx(control, a[i], b[i])
        a[i - 1], b[i - 1], a[i] = qk.ccx(a[i - 1], b[i - 1], a[i])
    for i in qk.range(1, n - 1):
        a[i], a[i + 1] = qk.cx(a[i], a[i + 1])
    if n > 0:
        control, a[0], b[0] = qk.ccx(control, a[0], b[0])
    a[1:], b[1:] = qk.cx(a[1:], b[1:])
    return control, a, b


@qk.qkernel
def subtract(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """b becomes b - a mod 2**n: the inverse of `add`, with its counts."""
    return qk.inverse(add)(a, b)


@qk.qkernel
def ripple_carry_add(
    left: qk.Vector[qk.Qubit], right: qk.Vector[qk.Qubit], carry: qk.Qubit, overflow: qk.Qubit
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit]:
    """right becomes left + right + carry mod 2**n, and `overflow` changes where the sum reaches 2**n.

    2n Toffoli, 4n + 1 CX, no workspace but the carry; under a control 3n + 1 Toffoli, 4n CX for n > 0.
    Source: Cuccaro, Draper, Kutin, Moulton 2004 (arXiv:quant-ph/0410184).
    """
    n = left.shape[0]
    for i in qk.range(n):
        left[i], right[i] = qk.cx(left[i], right[i])
        if i == 0:
            left[i], carry = qk.cx(left[i], carry)
            carry, right[i], left[i] = qk.ccx(carry, right[i], left[i])
        else:
            left[i], left[i - 1] = qk.cx(left[i], left[i - 1])
            left[i - 1], right[i], left[i] = qk.ccx(left[i - 1], right[i], left[i])
    if n > 0:
        left[n - 1], overflow = qk.cx(left[n - 1], overflow)
    else:
        carry, overflow = qk.cx(carry, overflow)
    for i in qk.range(n - 1, -1, -1):
        if i == 0:
            carry, right[i], left[i] = qk.ccx(carry, right[i], left[i])
            left[i], carry = qk.cx(left[i], carry)
            carry, right[i] = qk.cx(carry, right[i])
        else:
            left[i - 1], right[i], left[i] = qk.ccx(left[i - 1], right[i], left[i])
            left[i], left[i - 1] = qk.cx(left[i], left[i - 1])
            left[i - 1], right[i] = qk.cx(left[i - 1], right[i])
    return left, right, carry, overflow


@ripple_carry_add.control
@qk.qkernel
def _ripple_carry_add_where(
    control: qk.Qubit, left: qk.Vector[qk.Qubit], right: qk.Vector[qk.Qubit], carry: qk.Qubit, overflow: qk.Qubit
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit, qk.Qubit]:
    """Majorities come and go whatever the control is; only the sum and the overflow are written where it is 1."""
    n = left.shape[0]
    if n == 0:
        control, carry, overflow = qk.ccx(control, carry, overflow)
    else:
        for i in qk.range(n):
            left[i], right[i] = qk.cx(left[i], right[i])
            if i == 0:
                left[i], carry = qk.cx(left[i], carry)
                carry, right[i], left[i] = qk.ccx(carry, right[i], left[i])
            else:
                left[i], left[i - 1] = qk.cx(left[i], left[i - 1])
                left[i - 1], right[i], left[i] = qk.ccx(left[i - 1], right[i], left[i])
        control, left[n - 1], overflow = qk.ccx(control, left[n - 1], overflow)
        for i in qk.range(n - 1, -1, -1):
            if i == 0:
                carry, right[i], left[i] = qk.ccx(carry, right[i], left[i])
                left[i], right[i] = qk.cx(left[i], right[i])
                control, carry, right[i] = qk.ccx(control, carry, right[i])
                left[i], carry = qk.cx(left[i], carry)
            else:
                left[i - 1], right[i], left[i] = qk.ccx(left[i - 1], right[i], left[i])
                left[i], right[i] = qk.cx(left[i], right[i])
                control, left[i - 1], right[i] = qk.ccx(control, left[i - 1], right[i])
                left[i], left[i - 1] = qk.cx(left[i], left[i - 1])
    return control, left, right, carry, overflow


@qk.qkernel(clean_ancillas=True)
def measured_add(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """`add` with carries that measurements take back: 4n - 4 T for n > 0, n - 1 clean qubits, as many measurements and resets.

    Under a control 8n - 4 T. Source: Gidney 2018 (arXiv:1709.06648).
    """
    n = a.shape[0]
    carry = qk.qubit_array(max(0, n - 1), "carry")
    for i in qk.range(n - 1):
        if i > 0:
            carry[i - 1], a[i] = qk.cx(carry[i - 1], a[i])
            carry[i - 1], b[i] = qk.cx(carry[i - 1], b[i])
        a[i], b[i], carry[i] = temporary_and(a[i], b[i], carry[i])
        if i > 0:
            carry[i - 1], carry[i] = qk.cx(carry[i - 1], carry[i])
    if n > 1:
        carry[n - 2], b[n - 1] = qk.cx(carry[n - 2], b[n - 1])
    for i in qk.range(n - 2, -1, -1):
        if i > 0:
            carry[i - 1], carry[i] = qk.cx(carry[i - 1], carry[i])
        a[i], b[i], carry[i] = qk.inverse(temporary_and)(a[i], b[i], carry[i])
        if i > 0:
            carry[i - 1], a[i] = qk.cx(carry[i - 1], a[i])
    a, b = qk.cx(a, b)
    return a, b


@measured_add.control
@qk.qkernel(clean_ancillas=True)
def _measured_add_where(
    control: qk.Qubit, a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Each carry comes and goes whatever the control is; while a[i] holds digit and carry, b[i] takes both where it is 1."""
    n = a.shape[0]
    carry = qk.qubit_array(max(0, n - 1), "carry")
    for i in qk.range(n):
        if i > 0:
            carry[i - 1], a[i] = qk.cx(carry[i - 1], a[i])
        if i < n - 1:
            if i > 0:
                carry[i - 1], b[i] = qk.cx(carry[i - 1], b[i])
            a[i], b[i], carry[i] = temporary_and(a[i], b[i], carry[i])
            if i > 0:
                carry[i - 1], carry[i] = qk.cx(carry[i - 1], carry[i])
    for i in qk.range(n - 1, -1, -1):
        if i < n - 1:
            if i > 0:
                carry[i - 1], carry[i] = qk.cx(carry[i - 1], carry[i])
            a[i], b[i], carry[i] = qk.inverse(temporary_and)(a[i], b[i], carry[i])
            if i > 0:
                carry[i - 1], b[i] = qk.cx(carry[i - 1], b[i])
        control, a[i], b[i] = qk.within_apply(_and_beside, _copied)(control, a[i], b[i])
        if i > 0:
            carry[i - 1], a[i] = qk.cx(carry[i - 1], a[i])
    return control, a, b


@qk.qkernel
def _and_beside(a: qk.Qubit, b: qk.Qubit, target: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit, qk.Qubit]:
    a, b, both = temporary_and(a, b, qk.qubit("both"))
    return a, b, target, both


@qk.qkernel
def _copied(a: qk.Qubit, b: qk.Qubit, target: qk.Qubit, both: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit, qk.Qubit]:
    both, target = qk.cx(both, target)
    return a, b, target, both


@qk.qkernel(clean_ancillas=True)
def increment_by(q: qk.Vector[qk.Qubit], constant: qk.UInt) -> qk.Vector[qk.Qubit]:
    """q becomes q + constant mod 2**n by n - 1 clean carries: 2n - 4 Toffoli for n > 1, whatever the constant is.

    Under a control 2n - 2 Toffoli for n > 0, and n clean qubits into which it writes the constant for `add`.
    """
    n = q.shape[0]
    if n > 0:
        carry = qk.qubit_array(n - 1, "carry")
        q, carry = _constant_carries(q, carry, constant, n - 1)
        for i in qk.range(n - 1, -1, -1):
            if i < n - 1:
                q, carry = qk.inverse(_constant_carry)(q, carry, constant, i)
            if i > 0:
                carry[i - 1], q[i] = qk.cx(carry[i - 1], q[i])
            if (constant >> i) & 1 == 1:
                q[i] = qk.x(q[i])
    return q


@qk.qkernel
def _constant_carries(
    q: qk.Vector[qk.Qubit], carry: qk.Vector[qk.Qubit], constant: qk.UInt, count: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """carry[i] changes by the carry out of bit i of q + constant, for i < count."""
    for i in qk.range(count):
        q, carry = _constant_carry(q, carry, constant, i)
    return q, carry


@qk.qkernel
def _constant_carry(
    q: qk.Vector[qk.Qubit], carry: qk.Vector[qk.Qubit], constant: qk.UInt, i: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """carry[i], from carry[i - 1]: their AND where the constant has a 0, their OR where it has a 1."""
    if i == 0:
        if constant & 1 == 1:
            q[0], carry[0] = qk.cx(q[0], carry[0])
    elif (constant >> i) & 1 == 1:
        q[i], carry[i - 1], carry[i] = qk.control(qk.x, 2, control_value=0)(q[i], carry[i - 1], carry[i])
        carry[i] = qk.x(carry[i])
    else:
        q[i], carry[i - 1], carry[i] = qk.ccx(q[i], carry[i - 1], carry[i])
    return q, carry


@qk.qkernel
def decrement_by(q: qk.Vector[qk.Qubit], constant: qk.UInt) -> qk.Vector[qk.Qubit]:
    """q becomes q - constant mod 2**n: the inverse of `increment_by`, with its counts."""
    return qk.inverse(increment_by)(q, constant)


@increment_by.control
@qk.qkernel
def _increment_by_where(control: qk.Qubit, q: qk.Vector[qk.Qubit], constant: qk.UInt) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    control, q = qk.within_apply(_constant_beside, _addend_added)(control, q, constant)
    return control, q


@qk.qkernel
def _constant_beside(
    control: qk.Qubit, q: qk.Vector[qk.Qubit], constant: qk.UInt
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The constant where the control is 1, else 0: a CX for each 1 in it."""
    addend = qk.qubit_array(q.shape[0], "addend")
    for i in qk.range(q.shape[0]):
        if (constant >> i) & 1 == 1:
            control, addend[i] = qk.cx(control, addend[i])
    return control, q, addend


@qk.qkernel
def _addend_added(
    control: qk.Qubit, q: qk.Vector[qk.Qubit], addend: qk.Vector[qk.Qubit]
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    addend, q = add(addend, q)
    return control, q, addend


@qk.qkernel(clean_ancillas=True)
def add_modulo(
    a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """b becomes a + b mod `modulus`, for a and b below it and it below 2**n: 12n - 14 Toffoli for n > 1.

    A flag tells whether b is modulus - a at least, so that the modulus is to be taken away; afterwards it tells whether b is
    below a. Under a control 13n - 14 Toffoli and two X under three controls.
    Source: Vedral, Barenco, Ekert 1996 (arXiv:quant-ph/9511018), section III.B, with the comparison first.
    """
    flag = qk.qubit("flag")
    flag = qk.x(flag)
    b, a, flag = qk.within_apply(_distance_from, less_than)(b, a, flag, modulus=modulus)
    a, b = add(a, b)
    flag, b = qk.control(increment_by)(flag, b, 2 ** b.shape[0] - modulus)
    b, a, flag = less_than(b, a, flag)
    return a, b


@add_modulo.control
@qk.qkernel(clean_ancillas=True)
def _add_modulo_where(
    control: qk.Qubit, a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], modulus: qk.UInt
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where the control is 0 the flag stays 0, so that what it decides needs no control."""
    flag = qk.qubit("flag")
    control, flag = qk.cx(control, flag)
    control, b, a, flag = qk.control(qk.within_apply(_distance_from, less_than))(control, b, a, flag, modulus=modulus)
    control, a, b = controlled_add(control, a, b)
    flag, b = qk.control(increment_by)(flag, b, 2 ** b.shape[0] - modulus)
    control, b, a, flag = qk.control(less_than)(control, b, a, flag)
    return control, a, b


@qk.qkernel
def _distance_from(
    b: qk.Vector[qk.Qubit], a: qk.Vector[qk.Qubit], flag: qk.Qubit, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit]:
    """a becomes modulus - a."""
    return b, increment_by(qk.x(a), (modulus + 1) % 2 ** a.shape[0]), flag


@qk.qkernel
def less_than(
    a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], flag: qk.Qubit
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit]:
    """X on `flag` where a < b, without workspace: 2n - 1 Toffoli for n > 0; the carry of b + (2**n - 1 - a), and back.

    Source: Cuccaro et al. 2004 (arXiv:quant-ph/0410184), section 4, with the carries of Takahashi et al. (arXiv:0910.2530).
    """
    a, b, flag = qk.within_apply(lambda a, b, flag: (qk.x(a), b, flag), _last_carry)(a, b, flag)
    return a, b, flag


@qk.qkernel
def _last_carry(
    a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], flag: qk.Qubit
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit]:
    """X on `flag` where a + b reaches 2**n."""
    n = a.shape[0]
    if n > 1:
        a[n - 1], flag = qk.cx(a[n - 1], flag)
    if n > 0:
        a, b, flag = qk.within_apply(lambda a, b, flag: (*_carried(a, b), flag), _both_last)(a, b, flag)
    return a, b, flag


@qk.qkernel
def _both_last(
    a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], flag: qk.Qubit
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit]:
    last = a.shape[0] - 1
    a[last], b[last], flag = qk.ccx(a[last], b[last], flag)
    return a, b, flag


@qk.qkernel
def less_than_const(q: qk.Vector[qk.Qubit], flag: qk.Qubit, constant: qk.UInt) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """X on `flag` where q < constant: 2n - 2 Toffoli by n clean carries where 0 < constant < 2**n; under a control one more."""
    if constant >= 2 ** q.shape[0]:
        flag = qk.x(flag)
    elif constant > 0:
        q, flag = qk.within_apply(_carries_beside, _no_last_carry)(q, flag, constant=2 ** q.shape[0] - constant)
    return q, flag


@qk.qkernel
def _carries_beside(
    q: qk.Vector[qk.Qubit], flag: qk.Qubit, constant: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Vector[qk.Qubit]]:
    carry = qk.qubit_array(q.shape[0], "carry")
    q, carry = _constant_carries(q, carry, constant, q.shape[0])
    return q, flag, carry


@qk.qkernel
def _no_last_carry(
    q: qk.Vector[qk.Qubit], flag: qk.Qubit, carry: qk.Vector[qk.Qubit]
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Vector[qk.Qubit]]:
    carry[-1], flag = qk.control(qk.x, control_value=0)(carry[-1], flag)
    return q, flag, carry


@qk.qkernel
def equal_const(q: qk.Vector[qk.Qubit], flag: qk.Qubit, constant: qk.UInt) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """X on `flag` where q is the constant, which is below 2**n: one X under n controls."""
    q, flag = qk.control(qk.x, q.shape[0], control_value=constant)(q, flag)
    return q, flag


@qk.qkernel
def multiply(
    a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], product: qk.Vector[qk.Qubit]
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """product, fresh from allocation and as long as a and b together, becomes a * b, row by row as on paper.

    4 n m Toffoli for lengths n and m > 0 of a and b, and m + 1 clean qubits that hold a row; under a control n (5m + 1).
    """
    m = b.shape[0]
    for i in qk.range(a.shape[0] if m > 0 else 0):
        a[i], b, product[i : i + m + 1] = qk.within_apply(_row_beside, _row_added)(a[i], b, product[i : i + m + 1])
    return a, b, product


@qk.qkernel
def _row_beside(
    digit: qk.Qubit, b: qk.Vector[qk.Qubit], total: qk.Vector[qk.Qubit]
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """b where the digit is 1, else 0, in one qubit more than it has."""
    row = qk.qubit_array(b.shape[0] + 1, "row")
    for j in qk.range(b.shape[0]):
        digit, b[j], row[j] = qk.ccx(digit, b[j], row[j])
    return digit, b, total, row


@qk.qkernel
def _row_added(
    digit: qk.Qubit, b: qk.Vector[qk.Qubit], total: qk.Vector[qk.Qubit], row: qk.Vector[qk.Qubit]
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    row, total = add(row, total)
    return digit, b, total, row
