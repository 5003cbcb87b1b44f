qk.from_qasm("complex[float[64]] z;\n")
