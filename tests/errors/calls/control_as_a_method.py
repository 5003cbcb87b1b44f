@qk.qkernel
def kernel(i: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.x.control()(i, q)


kernel.check()
