qk.from_qasm('include "my_gates.inc";\nqubit q;\n')
