qk.from_qasm("qubit[2] q;\nh q[0]\ncx q[0], q[1];\n")
