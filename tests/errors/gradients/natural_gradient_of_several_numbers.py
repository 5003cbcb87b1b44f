@qk.qkernel
def kernel(angle: qk.Float) -> qk.Vector[qk.Float]:
    return qk.expval(qk.ry(qk.qubit_array(2), angle), [qko.Z(0), qko.Z(1)])


kernel.natural_grad(angle=0.3)
