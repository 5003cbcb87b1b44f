from qkernel import noise
from qkernel_backends.stim import StimEngine


@qk.qkernel
def coin() -> qk.Bit:
    return qk.measure(qk.h(qk.qubit()))


coin.sample(engine=StimEngine(noise=noise.readout(0.01, 0.03)))
