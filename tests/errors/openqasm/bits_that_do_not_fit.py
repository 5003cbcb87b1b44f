qk.from_qasm('bit[2] c = "101";\n')
