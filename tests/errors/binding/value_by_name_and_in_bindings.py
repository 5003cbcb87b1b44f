@qk.qkernel
def kernel(theta: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), theta), qko.Z(0))


kernel.compile().run(bindings={"theta": 0.5}, theta=0.6)
