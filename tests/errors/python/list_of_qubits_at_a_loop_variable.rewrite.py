@qk.qkernel
def kernel() -> tuple[qk.Bit, qk.Bit]:
    qubits = [qk.qubit(), qk.qubit()]
    for k in list(range(2)):
        qubits[k] = qk.x(qubits[k])
    return qk.measure(qubits[0]), qk.measure(qubits[1])
