@qk.qkernel
def kernel(i: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.control(qk.x)(i, q)


kernel.check()
