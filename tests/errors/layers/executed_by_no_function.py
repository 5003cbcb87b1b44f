import qkernel as qk
from qkernel.nn import ExecutedLayer


@qk.qkernel
def turned(input_0: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), input_0))


ExecutedLayer(turned)
