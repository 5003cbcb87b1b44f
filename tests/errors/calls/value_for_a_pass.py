@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.h(qk.h(qk.qubit_array(n))))


kernel.optimized(n=3)
