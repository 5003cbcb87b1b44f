@qk.qkernel
def kernel(q: qk.Qubit, theta: qk.Float) -> qk.Qubit:
    return qk.rx(theta, q)


kernel.check()
