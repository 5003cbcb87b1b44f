@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    bits = [0, 0, 0]
    for i in qk.range(n):
        bits[i] = qk.measure(q[i])
    return bits


kernel.check()
