from qkernel_backends.qiskit import QiskitTranspiler


@qk.qkernel
def kernel(n: qk.UInt, weights: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.rx(qk.qubit_array(n), weights))


QiskitTranspiler().transpile(kernel, bindings={"n": 2}, parameters=["weigths"])
