import qkernel as qk

Step = qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]


@qk.struct
class Plan:
    step: Step
    times: qk.UInt


@qk.qkernel
def kernel(q: qk.Vector[qk.Qubit], plan: Plan) -> qk.Vector[qk.Qubit]:
    for _ in qk.range(plan.times):
        q = plan.step(q)
    return q


kernel.unitary(q=1)
