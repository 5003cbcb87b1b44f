import pennylane as qml


@qml.qnode(qml.device("default.mixed", wires=1))
def node(angle):
    qml.RX(angle, wires=0)
    qml.DepolarizingChannel(0.1, wires=0)
    return qml.expval(qml.Z(0))


qk.from_circuit(node)
