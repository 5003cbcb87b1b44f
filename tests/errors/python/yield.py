@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        yield qk.measure(q[i])


kernel.check()
