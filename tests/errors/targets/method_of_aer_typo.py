from qkernel_backends.qiskit import QiskitEngine

QiskitEngine(method="stabiliser")
