@qk.qkernel
def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    match n:
        case 0:
            q = qk.x(q)
        case _:
            q = qk.h(q)
    return q


kernel.check()
