@qk.qkernel
def kernel(q: qk.Qubit) -> tuple[qk.Qubit, qk.Bit]:
    return q


kernel.check()
