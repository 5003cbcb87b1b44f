from qkernel.nn import QLayer


@qk.qkernel
def kernel(x: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), x))


QLayer(kernel, inputs=["x"])
