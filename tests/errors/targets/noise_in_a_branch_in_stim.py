from qkernel import noise
from qkernel_backends.stim import StimEngine


@qk.qkernel
def corrected() -> qk.Bit:
    q = qk.h(qk.qubit_array(2))
    first, target = qk.measure(q[0]), q[1]
    if first:
        target = qk.x(target)
    return qk.measure(target)


corrected.sample(engine=StimEngine(noise=noise.depolarizing(0.001)))
