@qk.qkernel
def kernel(i: qk.UInt, j: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(3)
    q[i], q[j] = qk.control(qk.ry)(q[i], q[j], 0.5)
    return qk.measure(q)


kernel.compile({"i": 1, "j": 1})
