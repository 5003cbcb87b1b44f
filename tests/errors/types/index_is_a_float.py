@qk.qkernel
def kernel(n: qk.UInt) -> qk.Qubit:
    q = qk.qubit_array(n)
    q[n / 2] = qk.h(q[n / 2])
    return q[0]


kernel.check()
