@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    class Settings:
        angle = 0.5

    return qk.rx(q, Settings.angle)


kernel.check()
