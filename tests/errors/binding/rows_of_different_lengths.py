@qk.qkernel
def kernel(m: qk.Matrix[qk.Float]) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), m[0, 0]), qko.Z(0))


kernel.run(m=[[0.1, 0.2], [0.3]])
