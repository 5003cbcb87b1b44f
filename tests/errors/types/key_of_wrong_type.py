@qk.qkernel
def kernel(q: qk.Qubit, d: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float]) -> qk.Qubit:
    return qk.rx(q, d[0])


kernel.check()
