@qk.qkernel
def kernel(d: qk.Dict[qk.UInt, qk.Float]) -> qk.Float:
    bit = qk.measure(qk.h(qk.qubit()))
    return d[1 if bit else 0]


kernel.sample(d={0: 0.5, 1: 1.5})
