@qk.qkernel
def kernel(c: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Bit]:
    return qk.control(lambda target: qk.measure(qk.h(target)))(c, q)


kernel.check()
