import itertools


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i, j in itertools.combinations(range(n), 2):
        q[i], q[j] = qk.cz(q[i], q[j])
    return qk.measure(q)


kernel.check()
