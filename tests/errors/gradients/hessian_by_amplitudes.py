@qk.qkernel
def kernel(v: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(qk.prepare(qk.qubit_array(1), v), qko.X(0))


kernel.hessian(v=[0.6, 0.8], shots=100)
