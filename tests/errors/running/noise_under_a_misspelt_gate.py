from qkernel import noise

noise.depolarizing(0.01, gates=["rx", "cnot"])
