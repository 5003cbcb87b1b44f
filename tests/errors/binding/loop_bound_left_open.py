@qk.qkernel
def kernel(depth: qk.UInt, theta: qk.Float) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(depth):
        q = qk.rx(q, theta)
    return qk.measure(q)


kernel.compile(parameters=["depth", "theta"])
