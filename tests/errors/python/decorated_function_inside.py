@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    @qk.composite_gate(name="inner")
    def inner(q: qk.Qubit) -> qk.Qubit:
        return qk.h(q)

    return inner(q)


kernel.check()
