def squared(u):
    @qk.qkernel
    def square(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        return u(u(q))

    @square.inverse
    @qk.qkernel
    def back(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        return qk.inverse(u)(qk.inverse(u)(q))

    return square


@qk.qkernel
def kernel(n: qk.UInt, u: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]) -> qk.Vector[qk.Float]:
    q = squared(u)(qk.qubit_array(n))
    return qk.probabilities(q)


kernel.check()
