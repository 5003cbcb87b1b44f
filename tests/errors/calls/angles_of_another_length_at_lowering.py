@qk.qkernel
def kernel(n: qk.UInt, angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q = qk.rx(q, angles)
    return qk.measure(q)


kernel.compile({"n": 3, "angles": [0.1, 0.2]})
