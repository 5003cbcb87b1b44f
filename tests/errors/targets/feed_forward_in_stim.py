@qk.qkernel
def corrected() -> qk.Bit:
    q = qk.h(qk.qubit_array(3))
    target, first, second = q[2], qk.measure(q[0]), qk.measure(q[1])
    if first and second:
        target = qk.x(target)
    return qk.measure(target)


corrected.sample(engine="stim")
