mark = qk.Oracle(name="my oracle", num_qubits=3)
