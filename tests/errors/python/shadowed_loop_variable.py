@qk.qkernel
def kernel(n: qk.UInt, q: qk.Qubit) -> qk.Qubit:
    for i in qk.range(n):
        for i in qk.range(n):
            q = qk.h(q)
    return q


kernel.check()
