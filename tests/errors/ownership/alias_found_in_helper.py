@qk.qkernel
def entangle(q: qk.Vector[qk.Qubit], step: qk.UInt) -> qk.Vector[qk.Qubit]:
    for i in qk.range(q.shape[0]):
        q[i], q[(i + step) % q.shape[0]] = qk.cz(q[i], q[(i + step) % q.shape[0]])
    return q


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = entangle(qk.qubit_array(n), 3)
    return qk.measure(q)


kernel.compile({"n": 3})
