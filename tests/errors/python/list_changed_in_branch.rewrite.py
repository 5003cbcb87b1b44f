@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    bits = qk.bit_array(n)
    if n > 1:
        for i in qk.range(n):
            bits[i] = qk.measure(qk.qubit())
    return bits
