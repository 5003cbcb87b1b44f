@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    first = qk.measure(q)
    q = qk.qubit_array(2)
    total = 0
    for i in qk.range(n):
        total = total + i
        for j in qk.range(n):
            total = total + j
            q[total] = qk.h(q[total])
    return qk.measure(q)


kernel.compile({"n": 2})
