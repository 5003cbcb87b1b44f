def make():
    angle = 0.5

    @qk.qkernel
    def kernel(q: qk.Qubit) -> tuple[qk.Qubit, qk.Float]:
        new_angle = angle + 0.1
        return qk.rx(q, new_angle), new_angle

    return kernel


kernel = make()
