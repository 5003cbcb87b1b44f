@qk.qkernel
def magic(angle: qk.Float) -> qk.Bit:
    q = qk.h(qk.qubit())
    q = qk.rz(q, angle)
    return qk.measure(qk.h(q))


magic.sample(angle=0.3, engine="stim")
