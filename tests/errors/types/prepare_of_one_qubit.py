@qk.qkernel
def kernel(x: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(qk.prepare(qk.qubit(), x), qko.Z(0))


kernel.check()
