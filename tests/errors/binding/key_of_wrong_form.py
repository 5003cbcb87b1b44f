@qk.qkernel
def kernel(edges: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(3)
    for (i, j), weight in qk.items(edges):
        q[i], q[j] = qk.rzz(q[i], q[j], weight)
    return qk.measure(q)


kernel.compile({"edges": {"01": 0.5}})
