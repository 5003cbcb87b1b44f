import qkernel as qk

Step = qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]


@qk.struct
class Plan:
    step: Step
    times: qk.UInt


@qk.qkernel
def turned(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return qk.h(q)


@qk.qkernel
def kernel(q: qk.Vector[qk.Qubit], plan: Plan = Plan(turned, 2)) -> qk.Vector[qk.Qubit]:
    return plan.step(q)
