@qk.qkernel
def kernel(angle: qk.Float) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit_array(1), angle), qko.Z(0))


kernel.grad(angle=0.3, gradient="random_shfit")
