@qk.qkernel
def twice(u: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]], q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return u(u(q))


@qk.qkernel
def turned(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    return qk.rx(q, angle)


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    return qk.measure(twice(turned, qk.qubit_array(2)))


kernel.check()
