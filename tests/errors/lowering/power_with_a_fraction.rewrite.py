@qk.qkernel
def inverse_power(n: qk.UInt) -> qk.Float:
    return 2 ** (-n)


inverse_power(1)
