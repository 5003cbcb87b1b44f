@qk.qkernel
def kernel(c: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.control(qk.x, num_controls=3)(c, q)


kernel.check()
