@qk.qkernel
def kernel(theta: qk.Float) -> qk.Float:
    return 1.0 / (qk.expval(qk.qubit(), qko.Z(0)) - theta)


kernel.run(theta=1.0)
