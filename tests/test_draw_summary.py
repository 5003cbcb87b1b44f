"""What `repr`, `print` and a notebook show of a kernel."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from drawings import kernels
from hypothesis import HealthCheck, given, settings
from strategies.programs import generate, seeds
from strategies.properties import load

import qkernel as qk
from qkernel.errors import UnreturnedBorrowError


@qk.qkernel
def mistaken(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    qk.h(q[0])
    return qk.measure(q)


@qk.qkernel
def long_one() -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2, name="q")
    for angle in [0.1] * 1500:
        q[0] = qk.rx(q[0], angle)
    return qk.measure(q)


@qk.qkernel
def classical(a: qk.Float) -> qk.Float:
    return 2 * a


def test_repr_is_one_line() -> None:
    assert repr(kernels.ghz) == "<kernel ghz(n: UInt) -> Vector[Bit]>"


def test_print_shows_signature_drawing_and_two_lines_of_counts() -> None:
    lines = str(kernels.ghz).splitlines()
    assert lines[0] == "ghz(n: UInt) -> Vector[Bit]"
    assert any("for k in range(n - 1)" in line for line in lines)
    assert lines[-2:] == [
        "qubits: n",
        "gates:  Max(0, n - 1) + 1 (1 on one qubit, Max(0, n - 1) on two, 0 on more)",
    ]


def test_a_drawing_that_is_too_large_leaves_the_rest() -> None:
    shown = str(long_one)
    assert "more than 1000 boxes" in shown
    assert "gates:  1500" in shown
    assert "gates:  1500" in long_one._repr_html_()


def test_a_card_never_raises() -> None:
    assert "QK204" in mistaken._repr_html_()
    with pytest.raises(UnreturnedBorrowError):
        str(mistaken)
    assert "classical" in classical._repr_html_()


@given(seeds)
@settings(max_examples=10, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
def test_cards_of_random_kernels_are_well_formed(seed: int) -> None:
    program = generate(seed)
    for kernel in load(program.script).values():
        if isinstance(kernel, qk.Kernel):
            card = ElementTree.fromstring(kernel._repr_html_())
            assert card[0].text == repr(kernel).removeprefix("<kernel ").removesuffix(">")
