@qk.qkernel
def kernel(d: qk.Dict[qk.UInt, qk.Float]) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), d[0]), qko.Z(0))


kernel.compile(parameters=["d"]).run(bindings={"d": {0: 0.1, 7: 0.2}})
