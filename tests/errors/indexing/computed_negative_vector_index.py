OFFSET = -1


@qk.qkernel
def kernel(v: qk.Vector[qk.Float]) -> qk.Float:
    return v[OFFSET]


kernel.check()
