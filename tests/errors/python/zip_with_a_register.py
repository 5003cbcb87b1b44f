@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(len(angles))
    for qubit, angle in zip(q, angles):
        qubit = qk.rx(qubit, angle)
    return qk.measure(q)


kernel.check()
