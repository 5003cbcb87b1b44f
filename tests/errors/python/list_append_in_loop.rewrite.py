@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    bits = qk.bit_array(n)
    for i in qk.range(n):
        bits[i] = qk.measure(qk.qubit())
    return bits[0]
