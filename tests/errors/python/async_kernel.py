@qk.qkernel
async def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.h(q)
