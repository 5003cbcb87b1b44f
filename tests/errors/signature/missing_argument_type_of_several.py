@qk.qkernel
def kernel(n: qk.UInt, theta, q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, theta)
