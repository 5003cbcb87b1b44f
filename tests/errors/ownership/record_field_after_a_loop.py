import qkernel as qk
import qkernel.observable as qko


@qk.struct
class Pack:
    one: qk.Qubit
    gain: qk.Float


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Float:
    pack = Pack(qk.qubit(), 0.3)
    spin = pack.one
    for _ in qk.range(n):
        spin = qk.rx(spin, pack.gain)
    return qk.expval(pack.one, qko.Z(0))


kernel(3)
