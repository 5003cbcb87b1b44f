from qiskit import QuantumCircuit

from qkernel.verification import verify


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.h(qk.qubit_array(n)))


def short(circuit: object) -> QuantumCircuit:
    result = QuantumCircuit(3, 3)
    result.h([0, 1])
    result.measure(range(3), range(3))
    return result


verify(kernel.ir, {"n": 3}, short)
