@qk.qkernel
def kernel() -> tuple[qk.Qubit, qk.Qubit]:
    q = qk.qubit_array(2)
    return qk.cx(q[0], q[1])
