qk.from_qasm("qubit[2] q;\nfor int i in [0:1] {\n  cx q[i], q[2];\n}\n")
