@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    bits = qk.measure(qk.h(qk.qubit_array(2)))
    index = (1 if bits[0] else 0) + (2 if bits[1] else 0)
    q = qk.qubit_array(4)
    for k in qk.range(4):
        if index == k:
            q[k] = qk.x(q[k])
    return qk.measure(q)
