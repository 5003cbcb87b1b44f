@qk.qkernel
def kernel(d: qk.Dict[qk.UInt, qk.Float]) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), d[3]), qko.Z(0))


kernel.compile(parameters=["d"], lengths={"d": [0, 1]})
