@qk.qkernel
def kernel(bindings: qk.Float) -> qk.Float:
    return bindings
