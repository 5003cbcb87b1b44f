import qkernel as qk

Step = qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]


@qk.struct
class Plan:
    step: Step
    flag: qk.Qubit


@qk.qkernel
def kernel(plan: Plan) -> qk.Bit:
    return qk.measure(plan.flag)
