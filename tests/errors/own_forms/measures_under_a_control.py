@qk.qkernel
def both(a: qk.Qubit, b: qk.Qubit, t: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    return qk.ccx(a, b, t)


@both.inverse
@qk.qkernel
def undone(a: qk.Qubit, b: qk.Qubit, t: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    t, bit = qk.measure_reset(qk.h(t))
    if bit:
        a, b = qk.cz(a, b)
    return a, b, t


@qk.qkernel
def kernel() -> qk.Bit:
    q = qk.qubit_array(4)
    q[0], q[1], q[2], q[3] = qk.control(qk.inverse(both))(q[0], q[1], q[2], q[3])
    return qk.measure(q[0])


kernel.sample()
