@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    def later(q):
        return qk.h(q)

    return later(q)
