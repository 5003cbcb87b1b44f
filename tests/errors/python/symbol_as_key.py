@qk.qkernel
def kernel(n: qk.UInt) -> qk.Float:
    angles = {n: 0.5}
    return qk.expval(qk.rx(qk.qubit(), angles[n]), qko.Z(0))


kernel.check()
