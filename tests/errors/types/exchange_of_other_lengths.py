import qkernel as qk


@qk.qkernel
def crossed(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    return b, qk.h(a)


@qk.qkernel
def kernel() -> qk.Bit:
    control, a, b = qk.control(crossed)(qk.qubit(), qk.qubit_array(2), qk.qubit_array(3))
    return qk.measure(control)


kernel()
