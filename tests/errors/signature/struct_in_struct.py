@qk.struct
class Pair:
    left: qk.Qubit
    right: qk.Qubit


@qk.struct
class Two:
    first: Pair
    second: Pair


@qk.qkernel
def kernel(two: Two) -> Two:
    return two
