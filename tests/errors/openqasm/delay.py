qk.from_qasm("qubit q;\ndelay[100ns] q;\n")
