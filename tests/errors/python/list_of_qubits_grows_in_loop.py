@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    qubits = []
    for i in qk.range(n):
        qubits.append(qk.qubit())
    return qk.measure(qubits)


kernel.check()
