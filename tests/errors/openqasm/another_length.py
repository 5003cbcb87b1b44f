import qkernel as qk

bell = qk.from_qasm('OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; h q[0]; cx q[0], q[1];')


@qk.qkernel
def pair() -> qk.Vector[qk.Bit]:
    q = bell(qk.qubit_array(3))
    return qk.measure(q)


pair.check()
