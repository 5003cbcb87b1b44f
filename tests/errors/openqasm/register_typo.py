qk.from_qasm("qubit[2] register;\nh regster[0];\n")
