qk.parse("""qkernel 1

kernel main() -> Vector[Bit]:
    q = qubits(n)
    bits = measure(q)
    return bits
""")
