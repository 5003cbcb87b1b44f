@qk.qkernel
def kernel() -> qk.Bit:
    seen = qk.measure(qk.h(qk.qubit()))
    both = seen and qk.measure(qk.h(qk.qubit()))
    return both


kernel.check()
