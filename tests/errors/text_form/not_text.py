qk.parse(b"\x00\x01")
