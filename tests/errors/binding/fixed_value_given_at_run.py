@qk.qkernel
def kernel(n: qk.UInt, theta: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit_array(n), theta), qko.Z(0))


kernel.compile({"n": 1}).run(bindings={"n": 2, "theta": 0.5})
