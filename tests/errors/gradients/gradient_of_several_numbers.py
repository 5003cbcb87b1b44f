@qk.qkernel
def kernel(theta: qk.Float) -> tuple[qk.Float, qk.Float]:
    return qk.expval(qk.rx(qk.qubit(), theta), qko.Z(0)), qk.expval(qk.rx(qk.qubit(), theta), qko.Y(0))


kernel.compile().value_and_grad(bindings={"theta": 0.5})
