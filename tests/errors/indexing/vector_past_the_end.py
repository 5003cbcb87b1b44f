@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(3):
        q = qk.rx(q, angles[i])
    return qk.measure(q)


kernel.compile({"angles": [0.1, 0.2]})
