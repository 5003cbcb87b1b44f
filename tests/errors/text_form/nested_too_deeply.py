qk.parse("qkernel 1\n\nkernel main() -> UInt:\n    return " + "(" * 5000 + "1" + ")" * 5000 + "\n")
