@qk.qkernel
def prepare(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    return qk.qubit_array(n)


@qk.qkernel
def kernel(x: qk.Float) -> qk.Vector[qk.Qubit]:
    return prepare(x)


kernel.check()
