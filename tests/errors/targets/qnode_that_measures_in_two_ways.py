import pennylane as qml


@qml.qnode(qml.device("default.qubit"))
def node(angle):
    qml.RX(angle, wires=0)
    return qml.expval(qml.Z(0)), qml.probs(wires=0)


qk.from_circuit(node)
