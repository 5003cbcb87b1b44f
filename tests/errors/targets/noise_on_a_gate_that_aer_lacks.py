from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

noise = NoiseModel()
noise.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["iswap"])


@qk.qkernel
def kernel() -> tuple[qk.Bit, qk.Bit]:
    a, b = qk.iswap(qk.x(qk.qubit()), qk.qubit())
    return qk.measure(a), qk.measure(b)


kernel.compile(engine=AerSimulator(noise_model=noise)).sample(shots=10)
