mark = qk.Oracle(name="mark", num_qubits=2)


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    return qk.measure(mark(qk.qubit_array(2)))


kernel.compile()
