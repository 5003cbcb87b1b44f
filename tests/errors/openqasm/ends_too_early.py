qk.from_qasm("qubit q;\nfor int i in [0:2] {\n  x q;\n")
