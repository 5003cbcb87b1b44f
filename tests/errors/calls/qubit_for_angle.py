@qk.qkernel
def kernel(q: qk.Qubit, r: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, r)


kernel.check()
