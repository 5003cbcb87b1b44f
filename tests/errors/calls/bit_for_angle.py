@qk.qkernel
def kernel(q: qk.Qubit, r: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, qk.measure(r))


kernel.check()
