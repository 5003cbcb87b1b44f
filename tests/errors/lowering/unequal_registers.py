@qk.qkernel
def kernel(n: qk.UInt, m: qk.UInt) -> qk.Vector[qk.Bit]:
    a = qk.qubit_array(n)
    b = qk.qubit_array(m)
    a, b = qk.rzz(a, b, 0.5)
    return qk.measure(a)


kernel.sample(n=3, m=2)
