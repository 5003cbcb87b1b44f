from qkernel_backends.qiskit import QiskitTranspiler


@qk.qkernel
def kernel(theta: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), qk.floor(theta)))


QiskitTranspiler().to_circuit(kernel)
