@qk.qkernel
def kernel(theta: qk.Float, n: qk.UInt) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit_array(n), theta), qko.Z(0))


kernel(2, 0.5)
