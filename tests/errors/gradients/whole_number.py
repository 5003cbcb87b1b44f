@qk.qkernel
def kernel(n: qk.UInt, theta: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), n * theta), qko.Z(0))


kernel.compile().value_and_grad(bindings={"n": 2, "theta": 0.5}, wrt="n")
