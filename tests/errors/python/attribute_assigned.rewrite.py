@qk.struct
class Pair:
    left: qk.Qubit
    right: qk.Qubit


@qk.qkernel
def kernel(pair: Pair) -> Pair:
    left = qk.h(pair.left)
    pair = Pair(left, pair.right)
    return pair
