qk.from_qasm("qubit q;\npow(0.5) @ x q;\n")
