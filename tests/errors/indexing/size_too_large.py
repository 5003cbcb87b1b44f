@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.qubit_array(n))


kernel.compile({"n": 10**12})
