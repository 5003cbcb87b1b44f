@qk.qkernel
def kernel(x: qk.Float) -> qk.Float:
    return qk.expval(qk.prepare(qk.qubit_array(1), x), qko.Z(0))


kernel.check()
