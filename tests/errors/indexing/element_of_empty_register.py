@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q[0] = qk.h(q[0])
    return qk.measure(q)


kernel.compile({"n": 0})
