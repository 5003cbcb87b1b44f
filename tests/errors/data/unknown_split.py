from qkernel.data import load

load("fashion-mnist", "validation")
