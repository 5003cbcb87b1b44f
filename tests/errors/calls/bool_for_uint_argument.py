@qk.qkernel
def prepare(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    return qk.qubit_array(n)


@qk.qkernel
def kernel() -> qk.Vector[qk.Qubit]:
    return prepare(True)


kernel.check()
