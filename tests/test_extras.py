"""Without an extra, all that does not need it works, and what needs it says how to install it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

KERNEL = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
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

assert abs(cosine.run(0.3) - np.cos(0.3)) < 1e-12
assert abs(cosine.grad(0.3)["angle"] + np.sin(0.3)) < 1e-12
assert "RX" in cosine.draw(output="text")
assert str(cosine.estimate_resources().gates.total) == "1"
assert qk.parse(str(cosine.ir)) == cosine.ir
try:
    {use}
except {error} as error:
    print(error)
"""

ABSENT = {
    "torch": (("torch",), "from qkernel.nn import QLayer", ["qkernel[torch]"]),
    "torch for Hessians": (("torch",), "cosine.hessian(0.3)", ["torch"]),
    "the torch engine": (("torch",), "cosine.run(0.3, engine='torch')", ["qkernel[torch]"]),
    "qiskit": (("qiskit", "qiskit_aer"), "cosine.run(0.3, engine='qiskit')", ["qkernel[qiskit]"]),
    "circuits of Qiskit": (("qiskit", "qiskit_aer"), "cosine.to_circuit(angle=0.3)", ["qkernel[qiskit]"]),
    "stim": (("stim",), "cosine.run(0.3, engine='stim')", ["qkernel[stim]"]),
    "circuits of tket": (("pytket",), "cosine.to_circuit(angle=0.3, package='tket')", ["qkernel[tket]"]),
    "data": (("pooch", "sklearn"), "from qkernel.nn import datasets; datasets.Digits()", ["qkernel[data]"]),
    "clusters": (("distributed",), "from qkernel_backends.dask import ClusterEngine", ["qkernel[cluster]"]),
    "sympy": (("sympy",), "superposed.estimate_resources().gates.total.to_sympy()", ["qkernel[symbolic]"]),
    "scipy": (("scipy",), "qko.Z(0).to_sparse()", ["qkernel[symbolic]"]),
}


@pytest.mark.parametrize("case", list(ABSENT))
def test_what_is_absent_is_named_where_it_is_needed(case: str, tmp_path: Path) -> None:
    absent, use, says = ABSENT[case]
    code = KERNEL.format(absent=set(absent), use=use, error="(DependencyError, ImportError)")
    script = tmp_path / "script.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[QK503] "), done.stdout
    assert all(text in done.stdout for text in says), done.stdout
