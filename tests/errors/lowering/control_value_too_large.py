@qk.qkernel
def kernel(value: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(3)
    q[0], q[1], q[2] = qk.control(qk.x, 2, control_value=value)(q[0], q[1], q[2])
    return qk.measure(q)


kernel.compile({"value": 4})
