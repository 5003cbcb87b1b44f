@qk.qkernel
def kernel(flag: qk.Bit, a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    if flag:
        a, b = b, a
    return a, b


kernel.check()
