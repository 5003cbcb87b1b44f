@qk.qkernel
def layer(a: qk.Vector[qk.Qubit], b: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    for i in qk.range(a.shape[0]):
        a[i], b = qk.cx(a[i], b)
    return a, b


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    q[0:n], q[3] = layer(q[0:n], q[3])
    return qk.measure(q)


kernel.compile({"n": 4})
