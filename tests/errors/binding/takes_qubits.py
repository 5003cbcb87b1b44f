@qk.qkernel
def kernel(q: qk.Qubit, theta: qk.Float) -> qk.Qubit:
    return qk.rx(q, theta)


kernel.compile({"theta": 0.5})
