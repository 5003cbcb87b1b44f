ANGLES = [0.1, 0.2]


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, ANGLES[2])


kernel.check()
