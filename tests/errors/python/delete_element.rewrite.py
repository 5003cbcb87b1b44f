@qk.qkernel
def kernel(n: qk.UInt) -> qk.Qubit:
    q = qk.qubit_array(n)
    return q[1]
