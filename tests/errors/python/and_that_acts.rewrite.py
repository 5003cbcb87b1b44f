@qk.qkernel
def kernel() -> qk.Bit:
    seen = qk.measure(qk.h(qk.qubit()))
    both = seen
    if seen:
        both = qk.measure(qk.h(qk.qubit()))
    return both
