from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qkernel import noise
from qkernel_backends.native import NativeEngine


@qk.qkernel
def kernel(theta: qk.Float) -> qk.Float:
    q = qk.qubit_array(2)
    q[0], q[1] = qk.crx(q[0], q[1], theta)
    return qk.expval(q, qko.Z(0))


kernel.run(0.3, engine=NativeEngine(noise=noise.from_backend(FakeManilaV2())))
