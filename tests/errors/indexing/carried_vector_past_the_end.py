@qk.qkernel
def kernel(n: qk.UInt, v: qk.Vector[qk.Float]) -> qk.Float:
    for i in qk.range(n):
        v[i + 1] = v[i] * 2
    return v[0]


kernel(3, [1.0, 2.0, 3.0])
