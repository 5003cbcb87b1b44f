@qk.qkernel
def kernel(weights: qk.Dict[qk.UInt, qk.Float]) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), weights[7]))


kernel.compile({"weights": {0: 0.5}})
