@qk.qkernel
def backwards() -> qk.Vector[qk.Bit]:
    bits = qk.measure(qk.qubit_array(3))
    flipped = qk.bit_array(3)
    for i in qk.range(3):
        flipped[i] = bits[2 - i]
    return flipped


backwards.check()
