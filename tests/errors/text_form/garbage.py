qk.parse("qkernel 1\n\x00\x01\x02")
