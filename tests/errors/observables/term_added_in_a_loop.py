import qkernel as qk
import qkernel.observable as qko
from qkernel.observable import Pauli, PauliOperator


@qk.qkernel
def repeated(n: qk.UInt) -> qk.Float:
    h = qko.Hamiltonian()
    for i in qk.range(n):
        h.add_term((PauliOperator(Pauli.Z, 0),), 1.0)
    return qk.expval(qk.qubit_array(n), h)


repeated(3)
