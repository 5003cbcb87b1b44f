qk.from_qasm("qubit[2] a;\nqubit[3] b;\ncx a, b;\n")
