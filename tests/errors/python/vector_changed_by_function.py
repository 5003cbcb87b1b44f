def note(bits, i, q):
    bits[i] = qk.measure(q)


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.x(qk.qubit_array(2))
    bits = qk.bit_array(2)
    note(bits, 0, q[0])
    return bits


kernel.check()
