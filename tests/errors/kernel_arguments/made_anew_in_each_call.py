@qk.qkernel
def growing(u: qk.Kernel[[qk.Qubit, qk.Float], qk.Qubit], q: qk.Qubit, angle: qk.Float, n: qk.UInt) -> qk.Qubit:
    if n > 0:
        q = growing(lambda r, a: u(r, a + angle), q, angle, n - 1)
    return u(q, angle)


growing.check()
