import qkernel as qk


@qk.qkernel
def first(q: qk.Vector[qk.Qubit]) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    return qk.h(q[0]), q[1:]


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.inverse(first)(qk.qubit("a"), qk.qubit_array(2, "rest"))
    return qk.measure(q)


kernel()
