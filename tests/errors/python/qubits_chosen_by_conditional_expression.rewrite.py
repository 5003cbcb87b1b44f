@qk.qkernel
def kernel(a: qk.Qubit, b: qk.Qubit, flag: qk.Bit) -> tuple[qk.Qubit, qk.Qubit]:
    if flag:
        result = qk.x(a)
    else:
        result = qk.h(a)
    return result, b
