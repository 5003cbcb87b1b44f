import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import QLayer


@qk.qkernel
def fixed() -> qk.Float:
    return qk.expval(qk.h(qk.qubit()), qko.Z(0))


QLayer(fixed)
