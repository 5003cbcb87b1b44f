from qkernel_backends.qiskit import QiskitTranspiler


@qk.qkernel
def kernel() -> qk.Float:
    q = qk.qubit()
    bit = qk.measure(qk.h(qk.qubit()))
    while bit:
        bit = qk.measure(qk.h(qk.qubit()))
        q = qk.x(q)
    return qk.expval(q, qko.Z(0))


transpiler = QiskitTranspiler()
transpiler.transpile(kernel).run(transpiler.executor())
