@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    bits = qk.bit_array(2)
    before = bits[:]
    bits[0] = qk.measure(qk.qubit())
    return before
