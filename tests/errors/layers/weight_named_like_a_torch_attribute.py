from qkernel.nn import QLayer


@qk.qkernel
def kernel(x: qk.Float, train: qk.Float) -> qk.Float:
    return qk.expval(qk.ry(qk.rx(qk.qubit(), x), train), qko.Z(0))


QLayer(kernel, inputs=["x"], weights=["train"])
