@qk.qkernel
def kernel(theta: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), theta))


kernel.compile().value_and_grad(bindings={"theta": 0.5})
