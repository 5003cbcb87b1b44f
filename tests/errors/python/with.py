@qk.qkernel
def kernel() -> qk.Qubit:
    with open("angle.txt") as file:
        angle = float(file.read())
    return qk.rx(qk.qubit(), angle)


kernel.check()
