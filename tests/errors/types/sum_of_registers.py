@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    a = qk.qubit_array(n)
    b = qk.qubit_array(n)
    return qk.measure(a + b)


kernel.check()
