qk.from_qasm("bit c;\nqubit q;\nwhile (!c) {\n  c = measure q;\n  if (c) { break; }\n}\n")
