@qk.qkernel
def kernel() -> None:
    q = qk.h(qk.qubit())


kernel.run()
