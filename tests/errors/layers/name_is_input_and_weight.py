from qkernel.nn import QLayer


@qk.qkernel
def kernel(x: qk.Float, weight: qk.Float) -> qk.Float:
    return qk.expval(qk.ry(qk.rx(qk.qubit(), x), weight), qko.Z(0))


QLayer(kernel, inputs=["x"], weights=["x", "weight"])
