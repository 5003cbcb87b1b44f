@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q[: n - 1], q[n - 1] = qk.control(qk.z, num_controls=n - 2)(q[: n - 1], q[n - 1])
    return qk.measure(q)


kernel.check()
