@qk.qkernel
def kernel(theta: qk.Float) -> qk.Float:
    q = qk.rx(qk.qubit(), theta)
    bit = qk.measure(qk.h(qk.qubit()))
    while bit:
        bit = qk.measure(qk.h(qk.qubit()))
        q = qk.x(q)
    return qk.expval(q, qko.Z(0))


kernel.compile().value_and_grad(bindings={"theta": 0.5})
