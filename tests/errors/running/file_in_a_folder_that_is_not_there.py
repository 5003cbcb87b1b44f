"""A kernel is saved into a folder that does not exist."""

import qkernel as qk


@qk.qkernel
def flipped() -> qk.Bit:
    return qk.measure(qk.x(qk.qubit()))


flipped.save("circuits/flipped.qk")
