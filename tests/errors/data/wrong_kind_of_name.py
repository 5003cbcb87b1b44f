from qkernel.data import load

load(None)
