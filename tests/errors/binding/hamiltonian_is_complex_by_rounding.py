@qk.qkernel
def kernel(molecule: qk.Observable) -> qk.Float:
    return qk.expval(qk.qubit_array(2), molecule)


kernel.run(molecule=0.5 * qko.Z(0) * qko.Z(1) + (0.1 + 1e-17j) * qko.X(0))
