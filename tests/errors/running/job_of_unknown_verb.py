@qk.qkernel
def flipped(angle: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), angle))


flipped.submit(0.3, verb="samples")
