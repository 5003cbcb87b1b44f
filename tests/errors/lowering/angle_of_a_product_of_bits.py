@qk.qkernel
def both(theta: qk.Float) -> qk.Bit:
    q = qk.h(qk.qubit_array(3))
    a, b = qk.measure(q[0]), qk.measure(q[1])
    return qk.measure(qk.rx(q[2], theta * a * b))


both.compile()
