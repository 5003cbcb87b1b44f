@qk.qkernel
def kernel(angle: qk.Float) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(2)
    return qk.rzz(q, q, angle)


kernel.check()
