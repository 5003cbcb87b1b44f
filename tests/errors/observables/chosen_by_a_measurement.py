import qkernel as qk
import qkernel.observable as qko


@qk.qkernel
def found() -> qk.Float:
    q = qk.h(qk.qubit_array(2))
    h = qko.Z(0)
    if qk.measure(q[0]):
        h = qko.X(0)
    return qk.expval(q[1], h)


found()
