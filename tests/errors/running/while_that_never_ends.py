@qk.qkernel
def kernel() -> qk.Bit:
    bit = qk.measure(qk.x(qk.qubit()))
    while bit:
        bit = qk.measure(qk.x(qk.qubit()))
    return bit


kernel.sample(shots=1)
