import qkernel as qk
import qkernel.observable as qko


@qk.qkernel
def last(n: qk.UInt) -> qk.Float:
    return qk.expval(qk.qubit_array(n), qko.Z(n))


last(3)
