qk.parse("hello")
