import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import QLayer


@qk.qkernel
def turned(input_0: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), input_0), qko.Z(0))


QLayer(turned, readout="p0")
