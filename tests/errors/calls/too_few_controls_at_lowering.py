@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    target = qk.qubit()
    q[:2], target = qk.control(qk.x, 2)(q[:2], target)
    return qk.measure(q)


kernel.sample(n=1)
