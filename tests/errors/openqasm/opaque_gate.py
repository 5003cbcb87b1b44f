qk.from_qasm('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nopaque magic(a) x;\nmagic(0.1) q[0];\n')
