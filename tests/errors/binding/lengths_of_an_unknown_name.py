@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), angles[0]), qko.Z(0))


kernel.compile(parameters=["angles"], lengths={"angels": (3,)})
