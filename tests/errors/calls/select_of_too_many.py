@qk.qkernel
def kernel(index: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.select([qk.x, qk.y, qk.z])(index, q)


kernel.check()
