qk.from_qasm("OPENQASM 4.0;\nqubit q;\n")
