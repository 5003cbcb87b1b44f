@qk.qkernel
def kernel(v: qk.Vector[qk.Float]) -> qk.Float:
    bits = qk.measure(qk.x(qk.qubit_array(2)))
    return v[(1 if bits[0] else 0) + (2 if bits[1] else 0)]


kernel.sample(v=[0.5, 1.5, 2.5])
