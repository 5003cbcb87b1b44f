@qk.qkernel
def long(n: qk.UInt, layers: qk.UInt, angle: qk.Float) -> qk.Float:
    q = qk.qubit_array(n)
    for _ in qk.range(layers):
        q = qk.rx(qk.ry(q, angle), angle)
        for i in qk.range(n - 1):
            q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.expval(q, qko.Z(0))


job = long.submit(n=16, layers=400, angle=0.1, seed=7)
job.cancel()
job.result()
