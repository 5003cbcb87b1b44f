@qk.qkernel
def kernel(c: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.control(3)(c, q)


kernel.check()
