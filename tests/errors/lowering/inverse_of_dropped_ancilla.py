@qk.qkernel
def with_ancilla(q: qk.Qubit) -> qk.Qubit:
    ancilla = qk.qubit()
    q, ancilla = qk.cx(q, ancilla)
    return q


@qk.qkernel
def kernel() -> qk.Bit:
    return qk.measure(qk.inverse(with_ancilla)(qk.qubit()))


kernel.compile()
