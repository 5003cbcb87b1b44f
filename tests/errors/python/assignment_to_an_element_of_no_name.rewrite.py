@qk.qkernel
def kernel(v: qk.Vector[qk.Float], i: qk.UInt) -> qk.Float:
    parts = {"v": v}
    v = parts["v"]
    v[i] = 1.0
    return v[0]
