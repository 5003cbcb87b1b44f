@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    bits = qk.bit_array(n)

    def measure():
        for i in qk.range(n):
            bits[i] = qk.measure(q[i])

    measure()
    return bits


kernel.check()
