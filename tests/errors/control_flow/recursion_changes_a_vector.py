@qk.qkernel
def kernel(q: qk.Qubit, angles: qk.Vector[qk.Float], n: qk.UInt) -> qk.Qubit:
    if n > 0:
        angles[0] = 2 * angles[0]
        q = kernel(qk.ry(q, angles[0]), angles, n - 1)
    return q


kernel.check()
