@qk.qkernel
def flipped() -> qk.Bit:
    a, b = qk.cp(qk.h(qk.qubit()), qk.h(qk.qubit()), 3.141592653589793)
    return qk.measure(qk.h(b))


flipped.sample(engine="stim")
