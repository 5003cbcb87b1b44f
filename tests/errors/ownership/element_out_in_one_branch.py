@qk.qkernel
def kernel(flag: qk.Bit) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    if flag:
        a = qk.h(q[0])
    return qk.measure(q)


kernel.check()
