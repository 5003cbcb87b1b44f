@qk.qkernel
def layer(q: qk.Qubit, n: qk.UInt, counts: qk.Vector[qk.UInt]) -> tuple[qk.Qubit, qk.Vector[qk.Float]]:
    if n > 0:
        q, angles = layer(q, n - 1, counts)
        q = qk.rx(q, angles[0])
    return q, counts


layer.draw()
