@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        if i == 2:
            continue
        q[i] = qk.h(q[i])
    return qk.measure(q)


kernel.check()
