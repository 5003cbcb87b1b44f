import torch

from qkernel.nn import QLayer


@qk.qkernel
def turned(angle: qk.Float, shift: qk.Float) -> qk.Float:
    return qk.expval(qk.ry(qk.rx(qk.qubit(), angle), shift), qko.Z(0))


QLayer(turned, bindings={"angle": torch.nn.Parameter(torch.tensor(0.3))}, inputs=["shift"])
