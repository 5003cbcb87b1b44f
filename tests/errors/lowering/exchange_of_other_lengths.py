import qkernel as qk


@qk.qkernel
def crossed(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    return b, qk.h(a)


@qk.qkernel
def kernel(n: qk.UInt, m: qk.UInt) -> qk.Bit:
    control, a, b = qk.control(crossed)(qk.qubit(), qk.qubit_array(n), qk.qubit_array(m))
    return qk.measure(control)


kernel(2, 3)
