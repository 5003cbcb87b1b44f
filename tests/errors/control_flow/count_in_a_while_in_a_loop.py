@qk.qkernel
def kernel(n: qk.UInt) -> qk.UInt:
    bit = qk.measure(qk.h(qk.qubit()))
    count = 0
    for i in qk.range(n):
        count = count + 1
        while bit:
            bit = qk.measure(qk.h(qk.qubit()))
            count = count + 1
    return count


kernel.compile({"n": 2})
