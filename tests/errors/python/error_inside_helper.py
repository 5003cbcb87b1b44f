def layer(q, theta):
    q = qk.rx(q, theta)
    return qk.rz(q, thetta)


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return layer(q, 0.5)


kernel.check()
