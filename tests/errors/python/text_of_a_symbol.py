@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        if f"{i}" == "1":
            q[i] = qk.x(q[i])
    return qk.measure(q)


kernel.check()
