@qk.qkernel
def until() -> qk.Bit:
    q, bit = qk.project_z(qk.h(qk.qubit()))
    while bit:
        q, bit = qk.project_z(qk.h(q))
    return qk.measure(q)


until.to_circuit(package="cirq")
