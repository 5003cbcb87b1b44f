@qk.qkernel
def kernel(x: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(qk.prepare(qk.qubit_array(2), x), qko.Z(0))


kernel.compile(lengths={"x": (4,)}).to_circuit()
