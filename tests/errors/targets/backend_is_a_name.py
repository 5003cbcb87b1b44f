from qkernel_backends.qiskit import QiskitTranspiler

QiskitTranspiler().executor("aer")
