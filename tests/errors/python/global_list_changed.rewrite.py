seen = [0]


@qk.qkernel
def kernel(q: qk.Qubit) -> qk.Qubit:
    seen_here = list(seen)
    seen_here[0] = 1
    return qk.rx(q, 0.1 * seen_here[0])
