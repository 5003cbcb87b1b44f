@qk.qkernel
def kernel(theta: qk.Float, phi: qk.Float) -> qk.Float:
    return qk.expval(qk.rz(qk.rx(qk.qubit(), theta), phi), qko.Z(0))


kernel.compile().run(bindings={"theta": 0.5})
