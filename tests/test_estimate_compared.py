"""Two estimates side by side: text, rich and HTML tables, closed forms, ratios, upper bounds."""

from __future__ import annotations

import pytest
from estimate_kernels import adder, gidney_adder, hybrid_ansatz, qaoa

from qkernel.errors import ValidationError

ADDERS = """\
                adder  gidney_adder  difference   ratio
Qubits             10            11          -1  0.9091
Total              25         <= 24           1   1.042
Single-qubit        0             3          -3
Two-qubit          17         <= 18          -1  0.9444
Multi-qubit         8             3           5   2.667
T gates             0             0           0
Clifford gates     17         <= 21          -4  0.8095
Rotation gates      0             0           0
Toffoli gates       8             3           5   2.667
Measurements        5             7          -2  0.7143"""


def test_counts_with_differences_and_ratios() -> None:
    first, second = adder.estimate_resources(n=4), gidney_adder.estimate_resources(n=4, x=0, y=0)
    compared = first.compared_with(second)
    assert str(compared) == ADDERS
    assert compared.rows["Toffoli gates"] == (8, 3)
    assert compared.ratios["Toffoli gates"] == 8 / 3
    assert compared.ratios["T gates"] is None


def test_closed_forms_and_depths() -> None:
    first, second = hybrid_ansatz.estimate_resources(n_qubits=4), hybrid_ansatz.estimate_resources(n_qubits=8)
    compared = first.compared_with(second, depths=True)
    assert str(compared.differences["Two-qubit"]) == "-4*n_layers"
    assert compared.ratios["Two-qubit"] == 3 / 7
    assert compared.ratios["Total"] is None
    assert str(compared.differences["Depth"]) == "-4*[n_layers >= 1]"
    assert max(map(len, str(compared).splitlines())) < 130  # what is long ends in `...`
    bounded = qaoa.estimate_resources().compared_with(first, depths=True)
    assert "<= p*(|edges| + 1) + 1" in str(bounded)


def test_tables_show_brackets() -> None:
    compared = hybrid_ansatz.estimate_resources().compared_with(gidney_adder.estimate_resources(), depths=True)
    console = pytest.importorskip("rich.console").Console(width=400)
    with console.capture() as capture:
        console.print(compared.table())
        console.print(gidney_adder.estimate_resources().table())
    assert capture.get().count("2*[n >= 2]") >= 3  # which `rich` would take for a style
    assert "[n &gt;= 2]" in compared._repr_html_()


def test_only_estimates_are_compared() -> None:
    with pytest.raises(ValidationError, match=r"`first\.compared_with"):
        hybrid_ansatz.estimate_resources().compared_with(3)  # type: ignore[arg-type]
