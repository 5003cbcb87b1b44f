@qk.qkernel
def kernel(a: qk.Qubit, b: qk.Qubit) -> qk.Qubit:
    return a + b


kernel.check()
