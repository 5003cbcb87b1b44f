@qk.qkernel
def kernel(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    raise ValueError("not written yet")


kernel.check()
