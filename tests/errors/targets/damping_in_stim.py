from qkernel import noise
from qkernel_backends.stim import StimEngine


@qk.qkernel
def pair() -> tuple[qk.Bit, qk.Bit]:
    first, second = qk.h(qk.qubit()), qk.qubit()
    first, second = qk.cx(first, second)
    return qk.measure(first), qk.measure(second)


pair.sample(engine=StimEngine(noise=noise.depolarizing(0.001) | noise.amplitude_damping(0.02, gates="cx")))
