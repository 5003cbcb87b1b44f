@qk.qkernel
def kernel(n: qk.UInt, theta: qk.Float) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.rx(qk.qubit_array(n), theta))


kernel.compile({"theta": 0.5})
