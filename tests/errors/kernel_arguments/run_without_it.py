@qk.qkernel
def twice(u: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]], q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return u(u(q))


@qk.qkernel
def read(u: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]) -> qk.Vector[qk.Float]:
    return qk.probabilities(twice(u, qk.qubit_array(2)))


read.run()
