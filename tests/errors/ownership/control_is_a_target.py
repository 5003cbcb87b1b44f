@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.control(qk.x)(q, q)


kernel.check()
