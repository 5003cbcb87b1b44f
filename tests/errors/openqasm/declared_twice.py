qk.from_qasm("qubit q;\nbit q;\n")
