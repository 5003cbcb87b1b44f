import qkernel as qk
import qkernel.observable as qko


@qk.qkernel
def squared(n: qk.UInt) -> qk.Float:
    return qk.expval(qk.qubit_array(n), qko.Z(n - 1) ** 2)


squared(3)
