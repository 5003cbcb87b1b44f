WIDTH = 0


@qk.qkernel
def kernel() -> qk.Vector[qk.Qubit]:
    assert WIDTH > 0, f"the width must be positive, not {WIDTH}"
    return qk.qubit_array(WIDTH)


kernel.check()
