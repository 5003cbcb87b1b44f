qk.from_qasm("def f(qubit q) -> bit {\n  bit b = measure q;\n  if (b) { return b; }\n  return b;\n}\n")
