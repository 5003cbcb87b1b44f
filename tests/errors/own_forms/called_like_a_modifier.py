@qk.qkernel
def turned(q: qk.Qubit) -> qk.Qubit:
    return qk.h(q)


@qk.qkernel
def kernel(c: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return turned.control()(c, q)


kernel.check()
