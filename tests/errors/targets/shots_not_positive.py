from qkernel_backends.qiskit import QiskitTranspiler

QiskitTranspiler().executor(shots=-5)
