qko.Hamiltonian.from_list([("ZZI", 0.5), ("XX", 0.5)])
