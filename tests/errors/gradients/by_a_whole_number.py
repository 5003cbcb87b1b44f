@qk.qkernel
def kernel(a: qk.Float, n: qk.UInt = 2) -> qk.Float:
    q = qk.qubit()
    for _ in qk.range(n):
        q = qk.rx(q, a)
    return qk.expval(q, qko.Z(0))


kernel.grad(a=0.5, wrt=["n"])
