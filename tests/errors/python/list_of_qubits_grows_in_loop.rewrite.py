@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    qubits = qk.qubit_array(n)
    for i in qk.range(n):
        qubits[i] = qk.h(qubits[i])
    return qk.measure(qubits)
