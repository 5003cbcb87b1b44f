qk.from_qasm("input int n;\nqubit[n] q;\n")
