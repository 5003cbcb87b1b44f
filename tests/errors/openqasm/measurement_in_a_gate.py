qk.from_qasm("gate look a { measure a; }\n")
