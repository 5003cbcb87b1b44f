@qk.qkernel
def kernel(theta: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), theta))


kernel.estimate_resources(basis=["rz", "sxx", "cx"])
