import qkernel as qk
import qkernel.observable as qko


@qk.qkernel
def repeated(n: qk.UInt) -> qk.Float:
    h = qko.Hamiltonian()
    for i in qk.range(n):
        h = h + qko.Z(0)
    return qk.expval(qk.qubit_array(n), h)


assert repeated(3) == 3.0
