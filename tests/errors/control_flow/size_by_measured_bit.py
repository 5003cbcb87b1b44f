@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    bit = qk.measure(qk.h(qk.qubit()))
    return qk.measure(qk.qubit_array(2 if bit else 1))


kernel.compile()
