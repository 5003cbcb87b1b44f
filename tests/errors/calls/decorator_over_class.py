@qk.qkernel
class Kernel:
    pass
