@qk.qkernel
def measured(q: qk.Qubit) -> qk.Qubit:
    return qk.project_z(q)[0]


@qk.qkernel
def kernel() -> qk.Bit:
    return qk.measure(qk.within_apply(measured, qk.z)(qk.qubit()))


kernel.sample()
