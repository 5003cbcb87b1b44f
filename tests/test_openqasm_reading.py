"""OpenQASM read as kernels: what others write, what the language has, version 2, and errors in the text."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.circuit import Parameter
from qiskit.circuit.library import C3SXGate, RC3XGate, RCCXGate, SGate
from qiskit.quantum_info import Operator, Statevector

import qkernel as qk
from qkernel.errors import OpenQasmError
from qkernel.ir.ops import Call, For, If, While
from qkernel.ir.walk import walk
from qkernel.openqasm.reading_gates import THREE, TWO, Known

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def ops(kernel: Any, *kinds: type) -> list[Any]:
    """The ops of these kinds in all functions of a kernel's module."""
    return [op for function in kernel.ir.functions for op in walk(function.body) if isinstance(op, kinds)]


def matrix(text: str, sizes: dict[str, int], **values: Any) -> Any:
    return qk.from_qasm(text).unitary(**sizes, **values)


# Files of others --------------------------------------------------------------------------------------------------------


def of_qiskit() -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.append(QuantumCircuit(2, name="pair").to_gate(), [0, 1])
    circuit.cx(0, 1)
    circuit.u(0.1, 0.2, 0.3, 2)
    circuit.sxdg(0)
    circuit.rzz(0.4, 0, 2)
    circuit.cp(0.3, 1, 2)
    circuit.ccx(0, 1, 2)
    circuit.mcx([0, 1], 2)
    circuit.cu(0.1, 0.2, 0.3, 0.4, 0, 2)
    circuit.iswap(1, 2)
    circuit.cswap(0, 1, 2)
    circuit.ch(2, 0)
    circuit.p(0.7, 1)
    circuit.barrier()
    return circuit


@pytest.mark.parametrize("dump", [qasm3.dumps, qasm2.dumps])
def test_circuits_of_qiskit(dump: Any) -> None:
    """Its `U` is without the phase that the language gives it, which has no effect but under controls."""
    circuit = of_qiskit()
    found = Operator(matrix(dump(circuit), {"q": 3}))
    assert found.equiv(Operator(circuit))


def test_parameters_of_qiskit_are_arguments() -> None:
    angle = Parameter("turn")
    circuit = QuantumCircuit(1)
    circuit.rx(2 * angle, 0)
    kernel = qk.from_qasm(qasm3.dumps(circuit))
    assert list(kernel.input_types) == ["q", "turn"]
    expected = Operator(circuit.assign_parameters({angle: 0.3}))
    assert Operator(kernel.unitary(q=1, turn=0.3)).equiv(expected)


def test_control_flow_of_qiskit() -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    with circuit.for_loop(range(3)) as k:
        circuit.rx(k * math.pi, 1)
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(1)
    with otherwise:
        circuit.x(0)
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.reset(0)
        circuit.measure(0, 0)
    with circuit.switch(circuit.cregs[0]) as case:
        with case(2):
            circuit.x(1)
        with case(case.DEFAULT):
            circuit.h(1)
    circuit.measure(1, 1)
    text = re.sub(r"\bfor (\w+) in", r"for int \1 in", qasm3.dumps(circuit))  # Qiskit 2.2 and older leave the type out
    kernel = qk.from_qasm(text)
    assert len(ops(kernel, For)) == 1
    assert len(ops(kernel, While)) == 1
    assert kernel.sample(shots=50, seed=1).counts == {(0, 1): 50}


CIRQ = """// Generated from Cirq v1.3.0

OPENQASM 2.0;
include "qelib1.inc";


// Qubits: [q(0), q(1), q(2)]
qreg q[3];
creg m_result[3];


h q[0];
cx q[0],q[1];
ry(pi*0.25) q[1];

// Gate: PhasedXZGate(axis_phase_exponent=0.25, x_exponent=0.5, z_exponent=0.125)
u3(pi*0.5,pi*-0.25,pi*0.375) q[2];
cx q[2],q[0];
rz(pi*-0.2) q[0];
cu3(0.1,0.2,0.3) q[0],q[1];

measure q[0] -> m_result[0];
measure q[1] -> m_result[1];
measure q[2] -> m_result[2];
"""
BRAKET = """OPENQASM 3.0;
bit[2] b;
qubit[2] q;
h q[0];
cnot q[0], q[1];
rx(0.15) q[0];
si q[1];
cphaseshift(0.4) q[0], q[1];
xx(0.3) q[0], q[1];
v q[1];
b[0] = measure q[0];
b[1] = measure q[1];
"""


def probabilities(kernel: Any) -> dict[Any, float]:
    return dict(kernel.sample(shots=4000, seed=3).probabilities())


@pytest.mark.parametrize("text", [CIRQ, BRAKET], ids=["cirq", "braket"])
def test_files_of_cirq_and_braket(text: str) -> None:
    """Against Qiskit, which reads the same program in its own names."""
    names = {"cnot": "cx", "si": "sdg", "cphaseshift": "cp", "xx": "rxx", "v": "sx"}
    if text == BRAKET:
        body = [line for line in text.splitlines()[3:] if "measure" not in line]
        circuit = QuantumCircuit(2)
        for line in body:
            gate, _, on = line.rstrip(";").partition(" ")
            name, _, angle = gate.partition("(")
            qubits = [int(part.strip()[2]) for part in on.split(",")]
            getattr(circuit, names.get(name, name))(*([float(angle[:-1])] if angle else []), *qubits)
    else:
        circuit = qasm2.loads(text).remove_final_measurements(inplace=False)
    expected = Statevector(circuit).probabilities()
    found = probabilities(qk.from_qasm(text))
    for index, chance in enumerate(expected):
        bits = tuple(index >> k & 1 for k in range(circuit.num_qubits))
        assert found.get(bits, 0.0) == pytest.approx(chance, abs=0.04)


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bell-pair.qasm"
    path.write_text(HEAD + "qubit[2] q;\nh q[0];\ncx q[0], q[1];\n")
    kernel = qk.from_qasm(path)
    assert kernel.name == "bell_pair"
    np.testing.assert_allclose(kernel.statevector(q=2), np.array([1, 0, 0, 1]) / math.sqrt(2), atol=1e-12)


# The language -----------------------------------------------------------------------------------------------------------


def test_gates_have_the_phases_that_the_language_says() -> None:
    """arXiv:2104.14722: `U(a, b, c)` has the phase a / 2 beside that of version 2, and `u3` is without any trace."""
    theta, phi, lam = 0.3, 0.5, -0.7
    turn = np.array([
        [math.cos(theta / 2), -np.exp(1j * lam) * math.sin(theta / 2)],
        [np.exp(1j * phi) * math.sin(theta / 2), np.exp(1j * (phi + lam)) * math.cos(theta / 2)],
    ])  # fmt: skip
    for gate, phase in (("U", theta / 2), ("u3", -(phi + lam) / 2)):
        found = matrix(f"{HEAD}qubit q;\n{gate}({theta}, {phi}, {lam}) q;\n", {})
        np.testing.assert_allclose(found, np.exp(1j * phase) * turn, atol=1e-12)
    controlled = matrix(f"{HEAD}qubit[2] q;\nctrl @ U({theta}, {phi}, {lam}) q[0], q[1];\n", {"q": 2})
    np.testing.assert_allclose(controlled[1::2, 1::2], np.exp(1j * theta / 2) * turn, atol=1e-12)
    (phase,) = np.unique(np.round(np.diag(matrix("qubit q;\ngphase(0.4);\n", {})), 12))
    assert phase == pytest.approx(np.exp(0.4j))


@pytest.mark.parametrize(("version", "table"), [(3, THREE), (2, TWO)])
def test_gates_act_on_registers_as_on_each_of_their_qubits(version: int, table: dict[str, Known]) -> None:
    head = HEAD if version == 3 else 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
    for name, gate in table.items():
        registers = [f"r{k}" for k in range(gate.qubits)]
        if not registers:  # `gphase`
            continue
        turns = f"({', '.join(str(0.3 * k + 0.4) for k in range(gate.angles))})" if gate.angles else ""
        declared = head + "".join(f"qreg {register}[2];\n" for register in registers)
        each = "".join(f"{name}{turns} {', '.join(f'{register}[{k}]' for register in registers)};\n" for k in range(2))
        sizes = dict.fromkeys(registers, 2)
        found = matrix(f"{declared}{name}{turns} {', '.join(registers)};\n", sizes)
        np.testing.assert_allclose(found, matrix(declared + each, sizes), atol=1e-12, err_msg=name)


def test_modifiers_from_the_left() -> None:
    text = HEAD + "qubit[4] q;\nctrl @ negctrl(2) @ inv @ pow(3) @ s q[3], q[0], q[1], q[2];\n"
    circuit = QuantumCircuit(4)
    circuit.append(SGate().power(3, annotated=False).inverse().control(3, ctrl_state=0b001, annotated=False), [3, 0, 1, 2])
    np.testing.assert_allclose(matrix(text, {"q": 4}), Operator(circuit).data, atol=1e-9)


def test_parts_of_registers() -> None:
    text = (
        HEAD
        + """
const int n = 4;
qubit[n] q;
qubit r;
let even = q[0:2:n - 1];
let some = q[{3, 0}] ++ even[1:1];
x even;
h some[0];
cx q, r;
cz q[-1], q[:1];
for int i in [n - 1:-1:1] { swap q[i], q[i - 1]; }
rx(0.1) some;
barrier q, r;
"""
    )
    circuit = QuantumCircuit(5)
    circuit.x([0, 2])
    circuit.h(3)
    circuit.cx([0, 1, 2, 3], 4)
    circuit.cz(3, [0, 1])
    for i in (3, 2, 1):
        circuit.swap(i, i - 1)
    circuit.rx(0.1, [3, 0, 2])
    found = matrix(text, {"q": 4})
    np.testing.assert_allclose(found, Operator(circuit).data, atol=1e-9)


CLASSICAL = (
    HEAD
    + """
output bit[4] out;
output int[32] total;
output float[64] half;
const float[64] third = 1 / 3.0;
int[32] i = 7;
uint[8] j = 2;
bit[4] b = "0110";
float[64] f = i / j;
array[float[64], 2, 2] m = {{1.0, 2.0}, {3.0, third * 3}};
i += j ** 3 - 1;
i = i % 5;
bool less = (i < j) || !(b == 6) && true;
b[0] = less;
b = b ^ "1000";
m[1, 0] = m[0][1] * 2;
total = i + int(b) - popcount(b) + (j << 2);
half = m[1, 0] / 8 + f * 0 + mod(7, 4) * 0.0 + floor(2.5) - ceiling(1.5) + sin(pi / 2) - 1.0;
out = b;
qubit q;
"""
)


def test_classical_values() -> None:
    kernel = qk.from_qasm(CLASSICAL)
    i = (7 + 2**3 - 1) % 5
    bits = [0, 1, 1, 1]
    total = i + sum(bit << k for k, bit in enumerate(bits)) - sum(bits) + 8
    found, *numbers = kernel.run()
    assert ([int(bit) for bit in found], numbers) == (bits, [total, 0.5])


SUBROUTINES = (
    HEAD
    + """
input array[float[64], 3] w;
input int[32] start;
output bit[2] seen;
gate turn(a, b) x, y { rx(a) x; ctrl @ ry(b * 2) x, y; for int k in [0:1] { h x; } }
def layer(qubit[2] q, readonly array[float[64], 3] w, int[32] k) {
  turn(w[k], -w[k + 1]) q[0], q[1];
}
def look(qubit x) -> bit {
  bit found = measure x;
  if (found) { reset x; }
  return found;
}
qubit[2] q;
for int i in {0, 1} { layer(q, w, i); }
inv @ turn(0.1, start * 0.2) q[1], q[0];
switch (start) { case 0, 1 { x q[0]; } case 2 { y q[0]; } default { z q[0]; } }
seen[0] = look(q[0]);
seen[1] = measure q[1];
"""
)


def test_gates_and_subroutines_stay_what_they_are() -> None:
    kernel = qk.from_qasm(SUBROUTINES)
    assert sorted(function.kind for function in kernel.ir.functions) == ["composite", "kernel", "kernel", "kernel"]
    assert [len(ops(kernel, kind)) for kind in (For, If, Call)] == [2, 3, 4]
    w = [0.4, -0.9, 1.3]
    for start, gate in ((1, "x"), (2, "y"), (5, "z")):
        circuit = QuantumCircuit(2)

        def turn(a: float, b: float) -> Any:
            part = QuantumCircuit(2)
            part.rx(a, 0)
            part.cry(2 * b, 0, 1)
            return part.to_gate()

        circuit.append(turn(w[0], -w[1]), [0, 1])
        circuit.append(turn(w[1], -w[2]), [0, 1])
        circuit.append(turn(0.1, 0.2 * start).inverse(), [1, 0])
        getattr(circuit, gate)(0)
        expected = Statevector(circuit).probabilities()
        found = dict(kernel.sample(shots=4000, seed=1, w=w, start=start).probabilities())
        for index, chance in enumerate(expected):
            assert found.get((index & 1, index >> 1), 0.0) == pytest.approx(chance, abs=0.04)


def test_what_a_program_changes_in_branches_and_loops() -> None:
    text = (
        HEAD
        + """
output int[32] count;
bit[3] c;
qubit[3] q;
count = 0;
x q[0];
x q[2];
for int i in [0:2] { c[i] = measure q[i]; }
if (c == 5) { count = 10; } else { c[1] = true; }
while (c[2]) { count += 1; reset q[2]; c[2] = measure q[2]; }
"""
    )
    assert qk.from_qasm(text).sample(shots=5, seed=1).counts == {11: 5}


def test_version_2_has_powers_and_registers_compared_with_numbers() -> None:
    text = """OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
gate part(a,b) x,y { U(0,0,a^2) x; CX x,y; u1(-b^2+ln(1)) y; barrier x,y; }
h q;
part(1+2,0.5) q[0],q[1];
measure q -> c;
if(c==2) x q[0];
measure q -> c;
"""
    kernel = qk.from_qasm(text)
    assert [str(op.condition) for op in ops(kernel, If)] == ["not bit[0] and bit[1]"]
    assert {value for value, _ in kernel.sample(shots=300, seed=2).results} == {(0, 0), (1, 0), (1, 1)}


def test_gates_of_qiskits_version_2() -> None:
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.append(RCCXGate(), [2, 0, 1])
    circuit.append(C3SXGate(), [3, 1, 0, 2])
    circuit.append(RC3XGate(), [1, 3, 0, 2])
    text = qasm2.dumps(circuit)
    found = matrix(text, {"q": 4})
    assert Operator(found).equiv(Operator(circuit))
    by_name = "\n".join(line for line in text.splitlines() if not line.startswith("gate rcccx")).replace("rcccx", "rc3x")
    assert "gate" not in by_name
    assert Operator(matrix(by_name, {"q": 4})).equiv(Operator(circuit))


def test_qubits_of_a_machine() -> None:
    kernel = qk.from_qasm("OPENQASM 3.0;\nbit[2] c;\nx $1;\nc[0] = measure $0;\nc[1] = measure $1;\n")
    assert kernel.sample(shots=3, seed=1).counts == {(0, 1): 3}


def test_lowering_points_into_the_text() -> None:
    kernel = qk.from_qasm(HEAD + "qubit[2] q;\nfor int i in [0:1] {\n  cx q[i], q[i + 1];\n}\n")
    with pytest.raises(qk.errors.QubitIndexResolutionError, match=r"5 \|   cx q\[i\], q\[i \+ 1\];") as caught:
        kernel.statevector(q=2)
    assert "^^^^" in str(caught.value)


def test_without_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:

    for name in [
        name for name in sys.modules if name.startswith(("openqasm3", "qkernel.openqasm.read", "qkernel.openqasm.syn"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openqasm3", None)
    with pytest.raises(qk.errors.DependencyError, match=r"qkernel\[openqasm\]"):
        qk.from_qasm("qubit q;")


def test_the_error_class() -> None:
    with pytest.raises(OpenQasmError, match="QK703"):
        qk.from_qasm("qubit q;\nx p;\n")


@pytest.mark.parametrize("by", [3, -3])
def test_whole_numbers_are_divided_as_openqasm_divides_them(by: int) -> None:
    kernel = qk.from_qasm(f"""
OPENQASM 3.0;
input int[64] a;
output int[64] cut;
output int[64] rest;
output int[64] below;
output int[64] above;
cut = a / {by};
rest = a % {by};
above = (a % 3 + 3) % 3;
below = (a - (a % 3 + 3) % 3) / 3;
""")
    for a in range(-7, 8):
        ((found, _),) = kernel.sample(a=a, shots=1).results
        assert found == (math.trunc(a / by), int(math.fmod(a, by)), a // 3, a % 3)


def test_remainders_stay_short() -> None:
    kernel = qk.from_qasm(
        "OPENQASM 3.0;\nqubit q;\nfor int i in [-3:3] { U(((i % 4) + 4) % 4, (i - (i % 4 + 4) % 4) / 4, i % 3) q; }\n"
    )
    assert "i % 4, i // 4, -(abs(i) % 3) if i < 0 else abs(i) % 3" in str(kernel.ir)
