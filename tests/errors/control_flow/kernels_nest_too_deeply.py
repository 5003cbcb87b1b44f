def nest(depth):
    inner = qk.h if depth == 0 else nest(depth - 1)

    @qk.qkernel
    def level(q: qk.Qubit) -> qk.Qubit:
        return inner(q)

    return level


nest(120).check()
