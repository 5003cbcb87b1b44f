@qk.qkernel
def kernel(a: qk.Qubit, b: qk.Qubit, flag: qk.Bit) -> tuple[qk.Qubit, qk.Qubit]:
    a = qk.x(a) if flag else qk.h(a)
    return a, b


kernel.check()
