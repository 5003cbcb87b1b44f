@qk.qkernel
def twice(u: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]], q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return u(u(q))


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    return qk.measure(twice(3, qk.qubit_array(2)))


kernel.check()
