qk.from_qasm("qubit q;\n#pragma braket result state_vector\n")
