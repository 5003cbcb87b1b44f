@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.qubit_array(n - 3))


kernel.compile({"n": 1})
