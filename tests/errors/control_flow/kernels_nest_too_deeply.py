def around(inner):
    @qk.qkernel
    def level(q: qk.Qubit) -> qk.Qubit:
        return inner(q)

    return level


kernel = qk.h
for _ in range(1300):
    kernel = around(kernel)
kernel.check()
