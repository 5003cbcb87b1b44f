@qk.qkernel
def layer(angles: qk.Vector[qk.Float]) -> qk.Qubit:
    return qk.rx(qk.qubit(), angles[0])


@qk.qkernel
def kernel(theta: qk.Float) -> qk.Qubit:
    return layer(theta)


kernel.check()
