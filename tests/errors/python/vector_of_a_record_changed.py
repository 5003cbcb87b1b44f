import qkernel as qk
import qkernel.observable as qko


@qk.struct
class Drive:
    shifts: qk.Vector[qk.Float]
    gain: qk.Float


@qk.qkernel
def kernel(drive: Drive) -> qk.Float:
    shifts = drive.shifts
    shifts[0] = 0.5
    return qk.expval(qk.rx(qk.qubit(), drive.gain + drive.shifts[1]), qko.Z(0))


kernel(Drive([0.1, 0.2], 0.3))
