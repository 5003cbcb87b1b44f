import qkernel as qk

Step = qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]


@qk.struct
class Plan:
    step: Step
    times: qk.UInt


@qk.qkernel
def turned(q: qk.Qubit) -> qk.Qubit:
    return qk.h(q)


@qk.qkernel
def repeated(q: qk.Vector[qk.Qubit], plan: Plan) -> qk.Vector[qk.Qubit]:
    for _ in qk.range(plan.times):
        q = plan.step(q)
    return q


@qk.qkernel
def kernel() -> qk.Vector[qk.Bit]:
    return qk.measure(repeated(qk.qubit_array(2), Plan(turned, 2)))


kernel.sample()
