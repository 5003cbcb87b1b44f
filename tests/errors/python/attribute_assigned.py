@qk.struct
class Pair:
    left: qk.Qubit
    right: qk.Qubit


@qk.qkernel
def kernel(pair: Pair) -> Pair:
    pair.left = qk.h(pair.left)
    return pair


kernel.check()
