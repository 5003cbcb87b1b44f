angle = 0.5


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    global angle
    angle = 0.6
    return qk.rx(q, angle)


kernel.check()
