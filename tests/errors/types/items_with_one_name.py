@qk.qkernel
def kernel(q: qk.Qubit, d: qk.Dict[qk.UInt, qk.Float]) -> qk.Qubit:
    for key in qk.items(d):
        q = qk.h(q)
    return q


kernel.check()
