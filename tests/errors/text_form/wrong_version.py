qk.parse("qkernel 999\n")
