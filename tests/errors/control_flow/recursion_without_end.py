@qk.qkernel
def kernel(n: qk.UInt, q: qk.Qubit) -> qk.Qubit:
    return kernel(n, qk.h(q))


@qk.qkernel
def main(n: qk.UInt) -> qk.Bit:
    return qk.measure(kernel(n, qk.qubit()))


main.sample(n=3)
