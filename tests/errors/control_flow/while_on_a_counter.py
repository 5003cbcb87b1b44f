@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(4)
    count = 0
    while count < n:
        q = qk.x(q)
        count = count + 1
    return qk.measure(q)


kernel.sample(n=3)
