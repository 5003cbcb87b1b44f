@qk.qkernel
def kernel(flag: qk.Bit) -> qk.Bit:
    q = qk.qubit_array(2)
    bit = qk.bit(0)
    if flag:
        bit = qk.measure(q[0])
    q[0] = qk.h(q[0])
    return bit


kernel.check()
