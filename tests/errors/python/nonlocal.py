def make():
    angle = 0.5

    @qk.qkernel
    def kernel(q: qk.Qubit) -> qk.Qubit:
        nonlocal angle
        angle = 0.6
        return qk.rx(q, angle)

    return kernel


make().check()
