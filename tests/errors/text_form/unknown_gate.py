qk.parse("""qkernel 1

kernel main() -> Bit:
    q = qubit()
    flip(q)
    bit = measure(q)
    return bit
""")
