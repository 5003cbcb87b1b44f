def helper(values):
    return values[7]


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, helper([1.0]))


kernel.check()
