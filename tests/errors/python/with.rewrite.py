import io


def open(name):
    return io.StringIO("0.5")


with open("angle.txt") as file:
    angle = float(file.read())


@qk.qkernel
def kernel() -> qk.Qubit:
    return qk.rx(qk.qubit(), angle)
