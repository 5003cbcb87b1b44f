qk.from_qasm("qubit[2] q;\nccx q[0], q[1];\n")
