@qk.qkernel
def kernel(q: qk.Vector[qk.Qubit], k: qk.UInt) -> qk.Vector[qk.Qubit]:
    q[0], q[k] = qk.control(qk.within_apply(qk.h, qk.z))(q[0], q[k])
    return q


kernel.unitary(q=2, k=0)
