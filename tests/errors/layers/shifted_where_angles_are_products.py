import torch

import qkernel as qk
from qkernel.nn import ExecutedLayer


@qk.qkernel
def turned(input_0: qk.Float, weight_0: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), input_0 * weight_0))


layer = ExecutedLayer(turned, lambda counts: counts.get("0", 0) / 1024)
layer(torch.rand(2)).sum().backward()
