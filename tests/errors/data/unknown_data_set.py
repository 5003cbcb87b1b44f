from qkernel.data import load

load("fashion-mnits")
