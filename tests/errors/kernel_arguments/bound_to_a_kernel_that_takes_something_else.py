@qk.qkernel
def twice(u: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]], q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return u(u(q))


@qk.qkernel
def turned(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    return qk.rx(q, angle)


twice.estimate_resources(u=turned)
