@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    def inner(q: qk.Qubit):
        return qk.h(q)

    return inner(q)
