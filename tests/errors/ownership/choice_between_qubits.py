@qk.qkernel
def kernel(flip: qk.Bit) -> tuple[qk.Bit, qk.Bit]:
    a, b = qk.qubit(), qk.qubit()
    chosen = qk.x(a if flip else b)
    return qk.measure(chosen), qk.measure(b)


kernel.check()
