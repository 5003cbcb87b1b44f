@qk.qkernel
def kernel(x: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), qk.log(x)))


kernel.compile({"x": -1.0})
