@qk.qkernel
def kernel(q: qk.Qubit, theta: qk.Float) -> qk.Qubit:
    return qk.rx(qk.rx(q, theta), theta)


kernel.optimized("merge_rotations")
