@qk.qkernel
def kernel(pair: qk.Tuple[qk.Float, qk.Float], i: qk.UInt) -> qk.Float:
    return pair[i]


kernel.check()
