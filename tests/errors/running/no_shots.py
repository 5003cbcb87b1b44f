@qk.qkernel
def kernel() -> qk.Bit:
    return qk.measure(qk.h(qk.qubit()))


kernel.sample(shots=0)
