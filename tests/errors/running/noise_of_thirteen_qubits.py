from qkernel import noise
from qkernel_backends.native import NativeEngine


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Float:
    return qk.expval(qk.h(qk.qubit_array(n)), qko.X(0))


kernel.run(13, engine=NativeEngine(noise=noise.depolarizing(0.01)))
