@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q[::-1] = qk.h(q[::-1])
    return qk.measure(q)


kernel.check()
