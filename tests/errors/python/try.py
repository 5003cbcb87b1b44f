@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    try:
        q = qk.h(q)
    except ValueError:
        pass
    return q


kernel.check()
