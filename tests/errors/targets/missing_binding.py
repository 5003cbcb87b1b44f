from qkernel_backends.qiskit import QiskitTranspiler


@qk.qkernel
def kernel(n: qk.UInt, theta: qk.Float, hamiltonian: qk.Observable) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit_array(n), theta), hamiltonian)


QiskitTranspiler().transpile(kernel, bindings={"n": 2}, parameters=["theta"])
