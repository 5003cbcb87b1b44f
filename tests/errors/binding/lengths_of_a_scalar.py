@qk.qkernel
def kernel(x: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), x), qko.Z(0))


kernel.compile(parameters=["x"], lengths={"x": (3,)})
