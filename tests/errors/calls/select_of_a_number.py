@qk.qkernel
def kernel(i: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.select([qk.x, 0.5])(i, q)


kernel.check()
