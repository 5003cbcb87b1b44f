import qkernel as qk
import qkernel.observable as qko


@qk.qkernel
def found() -> qk.Float:
    q = qk.h(qk.qubit_array(2))
    bit = qk.measure(q[0])
    return qk.expval(q[1], qko.Z(1 if bit else 0))


found()
