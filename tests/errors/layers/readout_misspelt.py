import qkernel as qk
from qkernel.nn import QLayer


@qk.qkernel
def turned(input_vec: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    return qk.rx(qk.qubit_array(2), input_vec)


QLayer(turned, readout="probability")
