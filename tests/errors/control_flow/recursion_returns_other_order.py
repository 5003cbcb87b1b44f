@qk.qkernel
def kernel(n: qk.UInt, a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    if n > 0:
        a, b = kernel(n - 1, a, b)
    return b, a


kernel.check()
