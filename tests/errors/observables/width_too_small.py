qko.Hamiltonian(num_qubits=2).add_term((qko.PauliOperator(qko.Pauli.Z, 2),), 1.0)
