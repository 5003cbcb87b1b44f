@qk.qkernel
def kernel(v: qk.Vector[qk.Float]) -> qk.Float:
    parts = {"v": v}
    first = parts["v"]
    first[0] = 1.0
    return first[0]
