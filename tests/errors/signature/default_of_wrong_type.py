@qk.qkernel
def kernel(n: qk.UInt = 0.5) -> qk.Qubit:
    return qk.qubit_array(n)[0]
