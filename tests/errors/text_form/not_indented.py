qk.parse("""qkernel 1

kernel main() -> Vector[Bit]:
q = qubits(2)
""")
