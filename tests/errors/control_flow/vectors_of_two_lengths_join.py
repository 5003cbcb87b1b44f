@qk.qkernel
def kernel() -> qk.Vector[qk.Float]:
    bit = qk.measure(qk.h(qk.qubit()))
    table = [0.5, 1.5] if bit else [0.5, 1.5, 2.5]
    return table


kernel.compile()
