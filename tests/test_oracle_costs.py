"""What oracles are said to cost."""

from __future__ import annotations

from typing import Any

import pytest

import qkernel as qk
from qkernel.errors import CallArgumentError, EntrypointValidationError, KernelTypeError, TextFormError

sized = qk.Oracle(name="sized", cost={"t": lambda n: 4 * n, "toffoli": lambda n: qk.max(n - 1, 0), "qubits": lambda n: n // 2})
paired = qk.Oracle(name="paired", num_qubits=2, cost={"t": 8, "toffoli": lambda n: max(n, 3), "qubits": 5})
unknown = qk.Oracle(name="unknown", num_qubits=2)


@qk.qkernel
def search(n: qk.UInt, k: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(n))
    for _ in qk.range(k):
        q = sized(q)
        q[0], q[1] = paired(q[0], q[1])
        q[2:] = qk.inverse(sized)(q[2:])
    return qk.measure(q)


def test_costs_count_in_closed_form() -> None:
    found = search.estimate_resources()
    for n, k in ((2, 1), (5, 3)):
        at = found.substitute(n=n, k=k)
        assert at.gates.t_gates == k * (4 * n + 8 + 4 * (n - 2))
        assert at.gates.toffoli == k * (n - 1 + 3 + max(n - 3, 0))
        assert at.gates.total == n + at.gates.t_gates + at.gates.toffoli
        assert at.qubits == n + max(n // 2, 5)  # the next one works with the same qubits
        assert at.calls.oracle_calls == {"sized": 2 * k, "paired": k}
        assert search.estimate_resources(bindings={"n": n, "k": k}).to_dict()["gates"] == at.to_dict()["gates"]


def test_costs_are_known_costs() -> None:
    @qk.qkernel
    def both(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        q[0], q[1] = unknown(q[0], q[1])
        return sized(q)

    assert search.estimate_resources(unknown="refuse").gates.t_gates != 0
    with pytest.raises(EntrypointValidationError, match="the cost of `unknown` is not known"):
        both.estimate_resources(unknown="refuse")
    assert both.estimate_resources(basis="clifford_t").substitute(q=3).gates.t_gates == 12 + 7 * 2


def test_costs_in_the_text_form() -> None:
    text = str(search.ir)
    assert '@cost("t", len(q) * 4)' in text
    assert qk.parse(text) == search.ir
    for line, title in (('@cost("tt", 1)', "there is no cost `tt`"), ('@cost("t", 0.5)', "is a UInt, not a Float")):
        with pytest.raises(TextFormError, match=title):
            qk.parse(text.replace('@cost("t", 8)', line))
    with pytest.raises(TextFormError, match="only an oracle"):
        qk.parse(text.replace("kernel search", '@cost("t", 1)\nkernel search'))


@pytest.mark.parametrize(
    ("cost", "title"),
    [
        ({"t": 1.5}, "a whole number from 0 on, not 1.5"),
        ({"t": -1}, "a whole number from 0 on, not -1"),
        ({"t": lambda n: n / 2}, "a whole number from 0 on, not a Float"),
        ({"tt": 1}, "not given in `tt` .did you mean `t`"),
        ({"t": lambda n: max(n, 2)}, "asks for the number of qubits, which is a symbol"),
    ],
)
def test_no_costs(cost: dict[str, Any], title: str) -> None:
    with pytest.raises(KernelTypeError, match=title):
        qk.Oracle("wrong", cost=cost)


def test_an_oracle_of_any_size_takes_a_register() -> None:
    @qk.qkernel
    def wrong(a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
        return sized(a, b)

    with pytest.raises(CallArgumentError, match="`sized` acts on a register"):
        wrong.check()
