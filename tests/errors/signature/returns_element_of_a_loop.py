@qk.qkernel
def kernel(n: qk.UInt, q: qk.Vector[qk.Qubit]) -> qk.Qubit:
    last = 0
    for i in qk.range(n):
        last = last + i
    return q[last]


kernel.check()
