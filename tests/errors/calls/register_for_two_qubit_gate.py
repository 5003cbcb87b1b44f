@qk.qkernel
def kernel(angle: qk.Float) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(4)
    q[:3], q[3] = qk.rzz(q[:3], q[3], angle)
    return q


kernel.check()
