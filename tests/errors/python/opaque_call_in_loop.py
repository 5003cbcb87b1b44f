import random


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Float:
    q = qk.qubit()
    for i in qk.range(n):
        q = qk.rx(q, random.random())
    return qk.expval(q, qko.Z(0))


kernel.check()
