@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    a = qk.qubit_array(n)
    b = qk.qubit_array(n + 1)
    a, b = qk.cx(a, b)
    return qk.measure(a)


kernel.check()
