def phase(q: qk.Qubit) -> qk.Qubit:
    return qk.z(q)


@qk.qkernel
def kernel(c: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.control(phase)(c, q)


kernel.check()
