import qkernel as qk


@qk.struct
class Edge:
    left: qk.Qubit
    right: qk.Qubit


@qk.qkernel
def kernel(pair: tuple[Edge, qk.Bit]) -> qk.Bit:
    return pair[1]


kernel.check()
