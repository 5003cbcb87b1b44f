"""A kernel that promises to clean its ancillas leaves one entangled."""

import qkernel as qk


@qk.qkernel(clean_ancillas=True)
def carried(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    carry = qk.qubit_array(2)
    q[0], carry[1] = qk.cx(q[0], carry[1])
    carry[1], q[1] = qk.cx(carry[1], q[1])
    return q


@qk.qkernel
def main() -> qk.Vector[qk.Bit]:
    q = carried(qk.h(qk.qubit_array(2)))
    return qk.measure(carried(q))


main.sample(shots=10)
