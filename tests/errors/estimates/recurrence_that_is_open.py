import qkernel as qk


@qk.qkernel
def fibonacci(n: qk.UInt, angle: qk.Float) -> qk.Bit:
    q = qk.qubit()
    first, second = 0, 1
    for _ in qk.range(n):
        for _ in qk.range(first):
            q = qk.rx(q, angle)
        first, second = second, first + second
    return qk.measure(q)


print(fibonacci.estimate_resources().gates.total)
