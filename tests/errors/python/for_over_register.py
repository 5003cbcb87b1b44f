@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for x in q:
        x = qk.h(x)
    return qk.measure(q)


kernel.check()
