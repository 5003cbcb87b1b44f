@qk.qkernel
def turned(q: qk.Qubit, angle: qk.Float) -> qk.Qubit:
    return qk.rz(qk.h(q), angle)


@turned.control
@qk.qkernel
def turned_where(q: qk.Qubit, angle: qk.Float) -> qk.Qubit:
    return qk.rz(qk.h(q), angle)
