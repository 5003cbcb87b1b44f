mark = qk.Oracle(name="mark", num_qubits=3)


@qk.qkernel
def kernel() -> qk.Vector[qk.Qubit]:
    return mark(qk.qubit_array(2))


kernel.check()
