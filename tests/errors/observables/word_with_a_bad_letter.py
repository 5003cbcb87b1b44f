qko.Hamiltonian.from_list([("ZQI", 0.5)])
