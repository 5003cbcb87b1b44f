@qk.qkernel
def kernel(n: qk.UInt) -> qk.Float:
    last = None
    q = qk.qubit()
    for i in [0, 1, 2]:
        if last is None:
            q = qk.h(q)
        last = i
    return qk.expval(q, qko.X(0))
