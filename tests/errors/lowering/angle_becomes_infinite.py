@qk.qkernel
def kernel(x: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), x * 1e300 * 1e300))


kernel.compile({"x": 2.0})
