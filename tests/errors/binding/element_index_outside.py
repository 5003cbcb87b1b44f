@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.rx(qk.qubit(), angles[0])
    return qk.expval(qk.rz(q, angles[1]), qko.Z(0))


kernel.compile(lengths={"angles": (2,)}).run(bindings={"angles[0]": 0.1, "angles[5]": 0.2})
