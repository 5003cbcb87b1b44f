import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import QLayer


@qk.qkernel
def turned(input_0: qk.Float, angle: qk.Float) -> qk.Float:
    q = qk.rx(qk.qubit(), input_0)
    return qk.expval(qk.ry(q, angle), qko.Z(0))


QLayer(turned)
