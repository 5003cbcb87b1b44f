@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    a = qk.qubit_array(2)
    b = qk.qubit_array(2)
    b[0] = qk.h(a[0])
    return qk.measure(b)


kernel.check()
