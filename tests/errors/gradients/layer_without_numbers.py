from qkernel.nn import QLayer


@qk.qkernel
def turned(angle: qk.Float) -> qk.Qubit:
    return qk.rx(qk.qubit(), angle)


QLayer(turned, inputs=["angle"])
