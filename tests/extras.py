"""`make extras`: each extra alone, in an environment of its own, does what it is for; what needs another is refused by name.

Run as `python -m tests.extras`, for all extras or those that are named. `tests/test_extras.py` tries the same where packages
only seem to be absent.
"""

from __future__ import annotations

import sys

from tests.environments import EXTRAS, ROOT, elsewhere, environment, written

CORE = """
import numpy as np
import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import DependencyError

@qk.qkernel
def cosine(angle: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), angle), qko.Z(0))

@qk.qkernel
def superposed(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    return qk.h(qk.qubit_array(n))

@qk.qkernel
def coin() -> qk.Bit:
    return qk.measure(qk.h(qk.qubit()))

assert abs(cosine.run(0.3) - np.cos(0.3)) < 1e-12
assert abs(cosine.grad(0.3)["angle"] + np.sin(0.3)) < 1e-12
assert sum(coin.sample(shots=100).counts.values()) == 100
assert "RX" in cosine.draw(output="text")
assert str(cosine.estimate_resources().gates.total) == "1"
assert qk.parse(str(cosine.ir)) == cosine.ir
assert "rx(0.3) q" in cosine.to_qasm(angle=0.3)
"""
"""What needs no extra."""

USES = {
    "layers": ("torch", ("torch",), "from qkernel.nn import QLayer; QLayer(cosine, inputs=['angle'])"),
    "Hessians": ("torch", ("torch",), "cosine.hessian(0.3)"),
    "the torch engine": ("torch", ("torch",), "cosine.run(0.3, engine='torch')"),
    "the Qiskit engine": ("qiskit", ("qiskit", "qiskit_aer"), "cosine.run(0.3, engine='qiskit')"),
    "circuits of Qiskit": ("qiskit", ("qiskit", "qiskit_aer"), "cosine.to_circuit(angle=0.3)"),
    "counts over gates": ("qiskit", ("qiskit",), "cosine.estimate_resources(basis=['rz', 'sx'])"),
    "the Stim engine": ("stim", ("stim",), "coin.sample(shots=5, engine='stim')"),
    "the Cirq engine": ("cirq", ("cirq",), "cosine.run(0.3, engine='cirq')"),
    "circuits of Cirq": ("cirq", ("cirq",), "cosine.to_circuit(angle=0.3, package='cirq')"),
    "the PennyLane engine": ("pennylane", ("pennylane",), "cosine.run(0.3, engine='pennylane')"),
    "the Braket engine": ("braket", ("braket",), "cosine.run(0.3, engine='braket')"),
    "circuits of Braket": ("braket", ("braket",), "cosine.to_circuit(angle=0.3, package='braket')"),
    "circuits of tket": ("tket", ("pytket",), "cosine.to_circuit(angle=0.3, package='tket')"),
    "data": ("data", ("pooch", "sklearn"), "from qkernel.nn import datasets; datasets.Digits()"),
    "clusters": ("cluster", ("distributed",), "from qkernel_backends.dask import ClusterEngine"),
    "sympy": ("symbolic", ("sympy",), "superposed.estimate_resources().gates.total.to_sympy()"),
    "scipy": ("symbolic", ("scipy",), "qko.Z(0).to_sparse()"),
    "reading OpenQASM": ("openqasm", ("openqasm3",), "qk.from_qasm('qubit q; x q;')"),
}
"""For each use its extra, the packages that it needs, and how it is written."""

_ALONE = f"""
from importlib.util import find_spec
{CORE}
for name, (extra, packages, use) in {USES!r}.items():
    there = all(map(find_spec, packages))
    try:
        exec(use)
    except DependencyError as error:
        assert not there, (name, error)
        assert f"qkernel[{{extra}}]" in str(error) or "qkernel[torch]" in str(error), (name, error)
    else:
        assert there, name
        print(name, end="; ")
"""


def main(extras: list[str]) -> None:
    script = written("extra.py", _ALONE)
    for extra in ("", *(f"[{name}]" for name in extras)):
        python = environment("extra", f"{ROOT}{extra}")
        print(f"qkernel{extra}: {elsewhere(str(python), str(script))}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or EXTRAS)
