def layer(q, theta):
    return qk.rx(q, theta)


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return layer(q)


kernel.check()
