from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import generate_preset_pass_manager

from qkernel_backends.qiskit import QiskitEngine


@qk.qkernel
def kernel() -> qk.Bit:
    flag, target = qk.measure(qk.h(qk.qubit())), qk.qubit()
    if flag:
        target = qk.x(target)
    return qk.measure(target)


backend = GenericBackendV2(5, control_flow=True, seed=1)
passes = generate_preset_pass_manager(1, backend, scheduling_method="alap")
kernel.compile(engine=QiskitEngine(backend, pass_manager=passes)).sample(shots=10)
