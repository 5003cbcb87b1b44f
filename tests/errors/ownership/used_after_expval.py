@qk.qkernel
def kernel() -> tuple[qk.Float, qk.Float]:
    q = qk.qubit()
    z = qk.expval(q, qko.Z(0))
    x = qk.expval(q, qko.X(0))
    return z, x


kernel.check()
