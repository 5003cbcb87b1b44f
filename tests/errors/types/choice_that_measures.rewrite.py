@qk.qkernel
def kernel(flag: qk.Bit) -> qk.Bit:
    if flag:
        result = qk.measure(qk.qubit())
    else:
        result = qk.bit(0)
    return result
