@qk.qkernel
def kernel() -> qk.Bit:
    return qk.measure(qk.global_phase(qk.x)(qk.qubit()))


kernel.check()
