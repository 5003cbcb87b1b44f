@qk.qkernel
def kernel(wide: qk.Bit) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(3) if wide else qk.qubit_array(2)
    return qk.measure(q)


kernel.check()
