@qk.struct
class Angles:
    first: qk.Float
    second: qk.Float


@qk.struct
class Reversed:
    second: qk.Float
    first: qk.Float


@qk.qkernel
def turned(q: qk.Qubit, angles: Angles) -> qk.Qubit:
    return qk.ry(qk.rx(q, angles.first), angles.second)


@qk.qkernel
def kernel(x: qk.Float) -> qk.Bit:
    return qk.measure(turned(qk.qubit(), Reversed(0.3, x)))


kernel.check()
