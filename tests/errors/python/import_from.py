@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    from math import pi

    return qk.rx(q, pi)


kernel.check()
