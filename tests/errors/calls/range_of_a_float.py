@qk.qkernel
def kernel(q: qk.Qubit, t: qk.Float) -> qk.Qubit:
    for i in qk.range(t):
        q = qk.h(q)
    return q


kernel.check()
