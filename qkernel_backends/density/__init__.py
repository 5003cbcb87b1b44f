"""Noisy circuits on up to 12 qubits, exactly: the expectation values of all Pauli words, and the real maps that noise is."""
