qko.Hamiltonian.from_string("0.5*Z0*W1")
