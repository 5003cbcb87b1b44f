qk.from_qasm("qubit[2] q;\ncnott q[0], q[1];\n")
