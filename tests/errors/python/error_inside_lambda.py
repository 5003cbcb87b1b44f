layer = lambda q, theta: qk.rx(q, thetta)


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return layer(q, 0.5)


kernel.check()
