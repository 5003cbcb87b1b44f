@qk.qkernel
def pair(a: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    a, b = qk.cx(a, qk.qubit())
    return a, b


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.within_apply(pair, lambda a, b: (b, a))(q)


kernel.check()
