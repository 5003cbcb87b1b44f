"""Tables in superposition: a register is changed by the entry that an address picks.

The address has n qubits, qubit 0 the least significant, and the table up to 2**n entries; addresses beyond it change nothing.
Gate counts are those of the gates as written.
"""

from __future__ import annotations

import qkernel as qk
from qkernel_stdlib.controlled_gates import Conjunction, temporary_and


@qk.qkernel
def lookup_by_controls(
    address: qk.Vector[qk.Qubit], target: qk.Vector[qk.Qubit], table: qk.Vector[qk.UInt]
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """target becomes target ^ table[address], without workspace: an X under n controls for each 1 in the table.

    Source: Babbush et al. 2018 (arXiv:1805.03662), section III, before they iterate.
    """
    n = address.shape[0]
    for k in qk.range(table.shape[0]):
        for j in qk.range(target.shape[0]):
            if (table[k] >> j) & 1 == 1:
                address, target[j] = qk.control(qk.x, num_controls=n, control_value=k)(address, target[j])
    return address, target


@qk.qkernel
def lookup(
    address: qk.Vector[qk.Qubit], target: qk.Vector[qk.Qubit], table: qk.Vector[qk.UInt]
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """target becomes target ^ table[address] by unary iteration with n - 1 clean qubits: 2 (2**n - 2) Toffoli for n > 0.

    That is for 2**n entries; fewer take fewer. Each 1 in the table is one CX. Under a control `controlled_lookup`.
    Source: Babbush et al. 2018 (arXiv:1805.03662), figures 5 to 7, whose AND `measured_lookup` has.
    """
    address, target = _iterated(address, target, table, qk.ccx)
    return address, target


@lookup.control
@qk.qkernel
def controlled_lookup(
    control: qk.Qubit, address: qk.Vector[qk.Qubit], target: qk.Vector[qk.Qubit], table: qk.Vector[qk.UInt]
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """`lookup` where the control is 1, with n clean qubits: 2 (2**n - 1) Toffoli for 2**n entries."""
    control, address, target = _iterated_where(control, address, target, table, qk.ccx)
    return control, address, target


@qk.qkernel
def measured_lookup(
    address: qk.Vector[qk.Qubit], target: qk.Vector[qk.Qubit], table: qk.Vector[qk.UInt]
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """`lookup` whose AND measurements take back: 4 (2**n - 2) T for n > 0; under a control 4 (2**n - 1).

    Source: Babbush et al. 2018 (arXiv:1805.03662), section III.A.
    """
    address, target = _iterated(address, target, table, temporary_and)
    return address, target


@measured_lookup.control
@qk.qkernel
def _measured_lookup_where(
    control: qk.Qubit, address: qk.Vector[qk.Qubit], target: qk.Vector[qk.Qubit], table: qk.Vector[qk.UInt]
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    control, address, target = _iterated_where(control, address, target, table, temporary_and)
    return control, address, target


@qk.qkernel(clean_ancillas=True)
def _iterated(
    address: qk.Vector[qk.Qubit], target: qk.Vector[qk.Qubit], table: qk.Vector[qk.UInt], both: Conjunction
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The last qubit of the address, and its opposite, control the entries of either half."""
    n = address.shape[0]
    if n > 0:
        last = n - 1
        path = qk.qubit_array(last, "path")
        for side in (0, 1):
            address[last] = qk.x(address[last])
            address[last], address[:last], path, target = _entries(
                address[last], address[:last], path, target, table, side * 2**last, both
            )
    elif table.shape[0] > 0:
        for j in qk.range(target.shape[0]):
            if (table[0] >> j) & 1 == 1:
                target[j] = qk.x(target[j])
    return address, target


@qk.qkernel(clean_ancillas=True)
def _iterated_where(
    control: qk.Qubit,
    address: qk.Vector[qk.Qubit],
    target: qk.Vector[qk.Qubit],
    table: qk.Vector[qk.UInt],
    both: Conjunction,
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    path = qk.qubit_array(address.shape[0], "path")
    control, address, path, target = _entries(control, address, path, target, table, 0, both)
    return control, address, target


@qk.qkernel
def _entries(
    control: qk.Qubit,
    address: qk.Vector[qk.Qubit],
    path: qk.Vector[qk.Qubit],
    target: qk.Vector[qk.Qubit],
    table: qk.Vector[qk.UInt],
    first: qk.UInt,
    both: Conjunction,
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The entries from `first` on that `address` picks, where the control is 1: one half, and then the other."""
    last = address.shape[0] - 1
    if first < table.shape[0]:
        if last < 0:
            for j in qk.range(target.shape[0]):
                if (table[first] >> j) & 1 == 1:
                    control, target[j] = qk.cx(control, target[j])
        else:
            control, address[last], path[last] = both(control, qk.x(address[last]), path[last])
            address[last] = qk.x(address[last])
            path[last], address[:last], path[:last], target = _entries(
                path[last], address[:last], path[:last], target, table, first, both
            )
            control, path[last] = qk.cx(control, path[last])
            path[last], address[:last], path[:last], target = _entries(
                path[last], address[:last], path[:last], target, table, first + 2**last, both
            )
            control, address[last], path[last] = qk.inverse(both)(control, address[last], path[last])
    return control, address, path, target


@qk.qkernel(clean_ancillas=True)
def lookup_xor(
    address: qk.Vector[qk.Qubit], target: qk.Vector[qk.Qubit], scale: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """`lookup` in the table of scale * j % modulus, for all j < 2**n."""
    table = qk.uint_array(2 ** address.shape[0])
    for j in qk.range(2 ** address.shape[0]):
        table[j] = scale * j % modulus
    address, target = lookup(address, target, table)
    return address, target
