import qkernel as qk
import qkernel.observable as qko


def turned(q, i, angles):
    return qk.rx(q, angles[i])


def layer(q, angles):
    for i in qk.range(q.shape[0]):
        q[i] = turned(q[i], i, angles)
    return q


@qk.qkernel
def encoded(q: qk.Vector[qk.Qubit], angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    return layer(q, angles)


@qk.qkernel
def kernel(angles: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(encoded(qk.qubit_array(3), angles), qko.Z(0))


kernel.run(angles=[0.1, 0.2])
