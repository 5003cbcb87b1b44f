@qk.qkernel
def layer(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return qk.h(q)


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return layer(q)


kernel.check()
