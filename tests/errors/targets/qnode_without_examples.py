import pennylane as qml


@qml.qnode(qml.device("default.qubit"))
def node(angles):
    qml.AngleEmbedding(angles, wires=[0, 1])
    return qml.expval(qml.Z(0))


qk.from_circuit(node)
