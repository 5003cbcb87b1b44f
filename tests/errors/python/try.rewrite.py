@qk.qkernel
def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    if n > 0:
        q = qk.h(q)
    return q


try:
    kernel.check()
except ValueError:
    pass
