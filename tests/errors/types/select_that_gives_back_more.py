import qkernel as qk


@qk.qkernel
def copied(a: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.cx(a, qk.qubit())


@qk.qkernel
def kernel() -> qk.Bit:
    index, a, copy = qk.select([copied, copied])(qk.qubit(), qk.qubit())
    return qk.measure(index)


kernel()
