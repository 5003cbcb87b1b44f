import qkernel as qk


@qk.struct
class Edge:
    left: qk.Qubit
    right: qk.Qubit


@qk.struct
class Link:
    left: qk.Qubit
    right: qk.Qubit


@qk.qkernel
def entangle(edge: Edge) -> Edge:
    left, right = qk.cx(qk.h(edge.left), edge.right)
    return Edge(left, right)


@qk.qkernel
def kernel() -> qk.Bit:
    control, edge = qk.control(entangle)(qk.qubit(), Link(qk.qubit(), qk.qubit()))
    return qk.measure(control)


kernel()
