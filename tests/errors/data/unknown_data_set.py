from qkernel.nn.datasets import load

load("fashion-mnits")
