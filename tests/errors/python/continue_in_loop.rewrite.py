@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        if not (i == 2):
            q[i] = qk.h(q[i])
    return qk.measure(q)
