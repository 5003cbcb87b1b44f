qk.from_qasm("qubit q;\nrx q;\n")
