def turned(q, angles):
    try:
        return qk.rx(q, angles["x"])
    except KeyError:
        return q


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return turned(q, {"y": 0.5})


kernel.check()
