@qk.qkernel
def kernel(n: qk.UInt, q: qk.Qubit) -> qk.Qubit:
    done = False
    for i in qk.range(n):
        if not done:
            q = qk.h(q)
            done = done or i > 3
    return q
