@qk.qkernel
def kernel(n: qk.UInt) -> qk.Float:
    q = qk.qubit_array(3)
    return qk.measure(qk.cast(q, qk.QFixed, int_bits=n))


kernel.check()
