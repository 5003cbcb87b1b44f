@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    @qk.qkernel
    def inner(q: qk.Qubit) -> qk.Qubit:
        return qk.h(q)

    return inner(q)


kernel.check()
