import torch

from qkernel.nn import QLayer


@qk.struct
class Drive:
    angle: qk.Float
    shift: qk.Float


@qk.qkernel
def turned(drive: Drive) -> qk.Float:
    return qk.expval(qk.ry(qk.rx(qk.qubit(), drive.angle), drive.shift), qko.Z(0))


layer = QLayer(turned, inputs=["drive.shift", "drive.angle"])
layer(Drive(torch.rand(3), torch.rand(3)))
