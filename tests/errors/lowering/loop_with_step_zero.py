@qk.qkernel
def kernel(step: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(0, 4, step):
        q = qk.x(q)
    return qk.measure(q)


kernel.compile({"step": 0})
