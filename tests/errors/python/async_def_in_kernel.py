@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    async def later(q):
        return qk.h(q)

    return q


kernel.check()
