space = {"qk": qk}
exec("@qk.qkernel\ndef kernel(q: qk.Qubit) -> qk.Qubit:\n    return q\n", space)
