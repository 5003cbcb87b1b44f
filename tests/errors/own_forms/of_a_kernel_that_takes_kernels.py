Register = qk.Vector[qk.Qubit]


@qk.qkernel
def around(q: Register, u: qk.Kernel[[Register], Register], t: qk.Float) -> Register:
    return qk.inverse(u)(qk.rx(u(q), t))


@around.control
@qk.qkernel
def around_where(c: qk.Qubit, q: Register, u: qk.Kernel[[Register], Register], t: qk.Float) -> tuple[qk.Qubit, Register]:
    c, q = qk.control(qk.rx)(c, u(q), t)
    return c, qk.inverse(u)(q)
