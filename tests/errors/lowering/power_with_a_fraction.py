@qk.qkernel
def inverse_power(n: qk.UInt) -> qk.UInt:
    return 2 ** (-n)


inverse_power(1)
