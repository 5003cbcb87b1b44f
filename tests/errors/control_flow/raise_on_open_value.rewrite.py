@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.qubit_array(n))


def measured(n):
    if n > 2: raise ValueError("n too big")  # fmt: skip
    return kernel.run(n)
