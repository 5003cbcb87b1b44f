import qkernel as qk


@qk.qkernel
def crossed(a: qk.Qubit, rest: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    return rest, qk.h(a)


@qk.qkernel
def kernel() -> qk.Bit:
    control, a, rest = qk.control(crossed)(qk.qubit(), qk.qubit(), qk.qubit_array(2))
    return qk.measure(control)


kernel()
