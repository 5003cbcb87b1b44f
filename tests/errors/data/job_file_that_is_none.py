qk.load_job(__import__("os").devnull)
