@qk.qkernel
def flipped(q: qk.Qubit) -> qk.Qubit:
    return qk.x(q)


@flipped.control
@qk.qkernel
def flipped_where(c: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.cy(c, q)


flipped.check()
