class Schedule:
    def __init__(self) -> None:
        self.angle = 0.0

    def next(self) -> float:
        self.angle += 0.5
        return self.angle


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Float:
    schedule = Schedule()
    q = qk.qubit()
    for i in [0, 1, 2]:
        q = qk.rx(q, schedule.next())
    return qk.expval(q, qko.Z(0))
