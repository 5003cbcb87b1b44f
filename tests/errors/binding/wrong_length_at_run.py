@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.rx(qk.qubit(), angles[0])
    return qk.expval(qk.rz(q, angles[2]), qko.Z(0))


kernel.compile(lengths={"angles": (3,)}).run(bindings={"angles": [0.1, 0.2]})
