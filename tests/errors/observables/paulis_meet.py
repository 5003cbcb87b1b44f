import qkernel as qk
import qkernel.observable as qko


@qk.qkernel
def ring(n: qk.UInt, t: qk.Float) -> qk.Float:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q = qk.pauli_evolve(q, qko.Z(i) * qko.Z((i + 1) % n), t)
    return qk.expval(q, qko.X(0))


ring(1, 0.5)
