import qkernel as qk
import qkernel.observable as qko


@qk.qkernel
def energy(n: qk.UInt) -> qk.Float:
    h = qko.Hamiltonian()
    for i in qk.range(n):
        h = h + qko.X(i - 1)
    return qk.expval(qk.qubit_array(n), h)


energy(3)
