@qk.qkernel
def kernel(flip: qk.Bit) -> qk.Bit:
    q = qk.qubit()
    if flip:
        q = qk.x(q)
    return qk.measure(q)


kernel.compile({"flip": 2})
