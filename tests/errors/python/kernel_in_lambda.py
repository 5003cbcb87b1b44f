kernel = qk.qkernel(lambda q: qk.h(q))
kernel.check()
