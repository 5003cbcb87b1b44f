import qkernel as qk

Step = qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]


@qk.struct
class Plan:
    step: Step
    times: qk.UInt


@qk.qkernel
def kernel(plan: Plan) -> Plan:
    return plan
