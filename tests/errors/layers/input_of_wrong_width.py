import torch

from qkernel.nn import QLayer


@qk.qkernel
def kernel(x: qk.Vector[qk.Float], weight: qk.Float) -> qk.Float:
    q = qk.rx(qk.qubit_array(2), x)
    q[0] = qk.ry(q[0], weight)
    return qk.expval(q, qko.Z(0))


layer = QLayer(kernel, inputs={"x": 2}, weights=["weight"])
layer(torch.zeros(5, 3))
