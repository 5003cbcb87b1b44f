from qkernel_backends.qiskit import QiskitEngine


@qk.qkernel
def kernel() -> qk.Float:
    return qk.expval(qk.t(qk.h(qk.qubit())), qko.X(0))


kernel.run(engine=QiskitEngine(method="extended_stabilizer"))
