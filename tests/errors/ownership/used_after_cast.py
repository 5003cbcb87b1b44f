@qk.qkernel
def kernel() -> qk.Float:
    q = qk.qubit_array(3)
    number = qk.cast(q, qk.QFixed)
    q = qk.h(q)
    return qk.measure(number)


kernel.check()
