@qk.qkernel
def kernel(theta: "qk.Flaot") -> qk.Qubit:
    return qk.rx(qk.qubit(), theta)
