from qiskit.providers.fake_provider import GenericBackendV2

from qkernel_backends.qiskit import QiskitEngine

QiskitEngine(GenericBackendV2(5, noise_info=False), initial_layout=[3, 4, 5])
