@qk.qkernel
def kernel(n: qk.UInt, a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    for i in qk.range(n):
        a, b = b, a
    return a, b


kernel.check()
