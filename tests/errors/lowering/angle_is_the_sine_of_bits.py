@qk.qkernel
def bent(theta: qk.Float) -> qk.Bit:
    q = qk.h(qk.qubit_array(2))
    bit = qk.measure(q[0])
    return qk.measure(qk.rz(q[1], qk.sin(theta * bit)))


bent.compile()
