@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    before = qk.bit_array(2)
    bits = before
    bits[0] = qk.measure(qk.qubit())
    return before


kernel.check()
