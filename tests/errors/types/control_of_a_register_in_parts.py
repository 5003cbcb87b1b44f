import qkernel as qk


@qk.qkernel
def last(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    return q[1:], q[0]


@qk.qkernel
def kernel() -> qk.Bit:
    control, rest, a = qk.control(last)(qk.qubit(), qk.qubit_array(3))
    return qk.measure(control)


kernel()
