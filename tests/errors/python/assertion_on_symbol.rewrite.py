@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.qubit_array(n))


n = 3
assert n > 0
kernel.sample(n=n)
