@qk.qkernel
def helper(theta: qk.Float, q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, theta)


@qk.qkernel
def kernel(q: qk.Qubit, theta: qk.Float) -> qk.Qubit:
    return helper(q, theta)


kernel.check()
