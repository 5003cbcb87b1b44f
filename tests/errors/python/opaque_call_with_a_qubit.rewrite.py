def turned(q, angles):
    return qk.rx(q, angles["x"]) if "x" in angles else q


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return turned(q, {"y": 0.5})


kernel.check()
