@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), angles[0]))


kernel.compile({"angles": [0.1, float("inf"), 0.3]})
