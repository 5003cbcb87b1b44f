@qk.qkernel
def main(x: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.qubit(), x))


main.to_qasm(version=2)
