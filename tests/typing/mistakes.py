"""Mistakes that a type checker must flag: each line that ends in `# error` and no other."""

import qkernel as qk


@qk.qkernel
def helper(q: qk.Qubit, theta: qk.Float) -> qk.Qubit:
    return qk.rx(q, theta)


@qk.qkernel
def kernel(q: qk.Qubit, r: qk.Vector[qk.Qubit]) -> qk.Qubit:
    q = helper(q, "half a turn")  # error
    q = helper(0.5, q)  # error
    q = helper(q)  # error
    a, b = qk.cx(q, r)  # error
    q = qk.h(0.5)  # error
    c, d, e = qk.cx(q, q)  # error
    q = qk.measure(q)  # error
    r.append(q)  # error
    return r  # error
