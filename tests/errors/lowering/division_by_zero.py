@qk.qkernel
def kernel(n: qk.UInt, theta: qk.Float) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(n):
        q = qk.rx(q, theta / i)
    return qk.measure(q)


kernel.compile({"n": 2, "theta": 0.5})
