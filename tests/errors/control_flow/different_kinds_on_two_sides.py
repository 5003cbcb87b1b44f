@qk.qkernel
def kernel(flag: qk.Bit) -> qk.Float:
    if flag:
        angle = 0.5
    else:
        angle = "none"
    return qk.expval(qk.rx(qk.qubit(), angle), qko.Z(0))


kernel.check()
