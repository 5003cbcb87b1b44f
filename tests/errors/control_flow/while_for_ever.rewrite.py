@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    q, bit = qk.project_z(q)
    while bit:
        q = qk.h(q)
        bit = qk.measure(qk.h(qk.qubit()))
    return q
