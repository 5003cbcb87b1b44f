@qk.qkernel
def kernel(x: qk.Vector[qk.Float], y: qk.Float) -> qk.Float:
    return qk.expval(qk.prepare(qk.qubit_array(1), x, imaginary=y), qko.Z(0))


kernel.check()
