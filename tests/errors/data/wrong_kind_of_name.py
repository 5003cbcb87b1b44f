from qkernel.nn.datasets import load

load(None)
