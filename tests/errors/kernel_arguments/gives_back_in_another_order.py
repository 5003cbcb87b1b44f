@qk.qkernel
def twice(u: qk.Kernel[[qk.Qubit, qk.Qubit], tuple[qk.Qubit, qk.Qubit]], a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    a, b = u(a, b)
    return u(a, b)


@qk.qkernel
def kernel() -> tuple[qk.Bit, qk.Bit]:
    a, b = twice(lambda left, right: (right, left), qk.qubit(), qk.qubit())
    return qk.measure(a), qk.measure(b)


kernel.check()
