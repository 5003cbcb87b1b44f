@qk.qkernel
def kernel(n: qk.UInt) -> qk.Bit:
    held = (qk.qubit(),)
    for i in qk.range(n):
        held = (*held, qk.qubit())
    return qk.measure(held[0])


kernel.check()
