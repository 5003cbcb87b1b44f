@qk.qkernel
def layer(q: qk.Vector[qk.Qubit], theta: qk.Float) -> qk.Vector[qk.Qubit]:
    return qk.rx(q, theta)


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = layer(qk.qubit_array(3), tehta=0.5)
    return qk.measure(q)


kernel.check()
