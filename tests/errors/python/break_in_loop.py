@qk.qkernel
def kernel(n: qk.UInt, q: qk.Qubit) -> qk.Qubit:
    for i in qk.range(n):
        q = qk.h(q)
        if i > 3:
            break
    return q


kernel.check()
