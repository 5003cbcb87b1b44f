from qkernel_backends.qiskit import QiskitTranspiler


def plain():
    pass


QiskitTranspiler().transpile(plain)
