@qk.qkernel
def kernel(c: qk.Qubit, flag: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    def mark(target: qk.Qubit) -> qk.Qubit:
        other, target = qk.cx(flag, target)
        return target

    c, q = qk.control(mark)(c, q)
    return c, flag, q


kernel.check()
