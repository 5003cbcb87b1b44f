from qkernel.estimate.verify import verify


@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.h(qk.qubit_array(n)))


verify(kernel.ir, {"n": 3}, lambda circuit: {"h": 2, "measure": 3})
