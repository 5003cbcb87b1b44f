@qk.qkernel
def looked(q: qk.Qubit) -> qk.Qubit:
    q, seen = qk.project_z(q)
    return q


@qk.composite_gate(name="turn")
@qk.qkernel
def turned(q: qk.Qubit, x: qk.Float) -> qk.Qubit:
    return qk.rx(q, qk.max(qk.sqrt(x), 1 / x))


@qk.qkernel
def main(x: qk.Float) -> qk.Bit:
    return qk.measure(turned(looked(qk.qubit()), x))


main.to_qasm()
