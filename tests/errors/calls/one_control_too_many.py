@qk.qkernel
def kernel(n: qk.UInt, k: qk.UInt) -> qk.Bit:
    q, target = qk.qubit_array(n), qk.qubit()
    view = q[: k + 1]
    view, target = qk.control(qk.x, num_controls=len(view) + 1)(view, target)
    q[: k + 1] = view
    return qk.measure(target)


kernel.check()
