@qk.qkernel
def look(q: qk.Qubit) -> tuple[qk.Qubit, qk.Bit]:
    return qk.project_z(q)


@qk.qkernel
def kernel(c: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    c, q, bit = qk.control(look)(c, q)
    return c, q


kernel.check()
