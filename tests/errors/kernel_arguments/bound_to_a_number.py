@qk.qkernel
def twice(u: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]], q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return u(u(q))


twice.unitary(u=3, q=2)
