@qk.struct
class Drive:
    angle: qk.Float
    weights: qk.Vector[qk.Float]


@qk.qkernel
def kernel(drive: Drive) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), drive.angle))


kernel.run(0.5, [0.1, 0.2])
