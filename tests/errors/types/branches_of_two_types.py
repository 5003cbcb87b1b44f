@qk.qkernel
def kernel(flag: qk.Bit) -> qk.Bit:
    if flag:
        result = qk.measure(qk.qubit())
    else:
        result = 0.5
    return result


kernel.check()
