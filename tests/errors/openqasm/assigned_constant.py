qk.from_qasm("const int n = 4;\nn = 5;\n")
