@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(angles.shape[0]):
        q = qk.rx(q, angles[i])
    return qk.measure(q)


kernel.compile(parameters=["angles"])
