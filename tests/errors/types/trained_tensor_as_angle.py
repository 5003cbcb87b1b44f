import torch

import qkernel as qk

theta = torch.nn.Parameter(torch.tensor(0.5))


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    return qk.measure(qk.rx(q, theta))


kernel.check()
