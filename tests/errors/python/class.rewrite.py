class Settings:
    angle = 0.5


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    return qk.rx(q, Settings.angle)
