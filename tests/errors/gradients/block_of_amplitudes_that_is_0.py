@qk.qkernel
def kernel(x: qk.Vector[qk.Float], angle: qk.Float) -> qk.Float:
    q = qk.prepare(qk.qubit_array(2), x)
    q[0] = qk.ry(q[0], angle)
    return qk.expval(q, qko.X(0) * qko.X(1))


program = kernel.compile(lengths={"x": (4,)}, engine="qiskit")
program.grad(x=[0.6, 0.8, 0.0, 0.0], angle=0.3, wrt=["angle"])
program.grad(x=[0.6, 0.8, 0.0, 0.0], angle=0.3)
