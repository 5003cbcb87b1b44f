@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    if n > 2:
        raise ValueError("n too big")
    return qk.measure(qk.qubit_array(n))


kernel.check()
