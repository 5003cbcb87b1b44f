@qk.qkernel
def kernel(theta: qk.Float = "pi") -> qk.Qubit:
    return qk.rx(qk.qubit(), theta)
