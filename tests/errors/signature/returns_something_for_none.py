@qk.qkernel
def kernel(q: qk.Qubit) -> None:
    return qk.measure(q)


kernel.check()
