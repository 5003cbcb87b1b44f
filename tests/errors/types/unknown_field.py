@qk.struct
class Layer:
    angle: qk.Float
    depth: qk.UInt


@qk.qkernel
def kernel(q: qk.Qubit, layer: Layer) -> qk.Qubit:
    return qk.rx(q, layer.angel)


kernel.check()
