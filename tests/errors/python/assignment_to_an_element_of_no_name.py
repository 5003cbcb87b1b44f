@qk.qkernel
def kernel(v: qk.Vector[qk.Float]) -> qk.Float:
    parts = {"v": v}
    parts["v"][0] = 1.0
    return v[0]


kernel.check()
