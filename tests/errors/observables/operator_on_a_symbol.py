import qkernel as qk
import qkernel.observable as qko
from qkernel.observable import Pauli, PauliOperator


@qk.qkernel
def last(n: qk.UInt) -> qk.Float:
    h = qko.Hamiltonian()
    h.add_term((PauliOperator(Pauli.Z, n - 1),), 1.0)
    return qk.expval(qk.qubit_array(n), h)


last(3)
