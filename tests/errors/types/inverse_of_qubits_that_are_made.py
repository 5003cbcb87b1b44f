import qkernel as qk


@qk.qkernel
def prepared() -> qk.Qubit:
    return qk.h(qk.qubit("fresh"))


@qk.qkernel
def kernel() -> qk.Bit:
    q = prepared()
    return qk.measure(qk.inverse(prepared)(q))


kernel()
