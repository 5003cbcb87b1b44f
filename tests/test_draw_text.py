"""Text drawings, compared with golden files in tests/drawings (`pytest --update-golden` writes them anew)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawings import kernels
from drawings.kernels import SMALL, TRIANGLE

import qkernel as qk
import qkernel.observable as qko
from qkernel.draw import draw
from tests.strategies.drawn_lines import loose_ends

GOLDEN = Path(__file__).parent / "drawings"
ISING = 0.5 * qko.Z(0) * qko.Z(1) - qko.X(2)
CASES: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "ansatz_open": (kernels.ansatz, {}, {}),
    "ansatz_open_inline": (kernels.ansatz, {}, {"inline": True}),
    "ansatz_folded": (kernels.ansatz, SMALL, {}),
    "ansatz_unfolded": (kernels.ansatz, SMALL, {"fold_loops": False, "inline": False}),
    "ansatz_gates": (kernels.ansatz, SMALL, {"fold_loops": False, "inline": True}),
    "ansatz_80_columns": (kernels.ansatz, SMALL, {"fold_loops": False, "width": 80}),
    "ansatz_lowered": (kernels.ansatz, {**SMALL, "n_layers": 1}, {"lowered": True}),
    "ghz_open": (kernels.ghz, {}, {}),
    "ghz_unfolded": (kernels.ghz, {"n": 4}, {"fold_loops": False}),
    "teleport": (kernels.teleport, {}, {}),
    "teleport_lowered": (kernels.teleport, {}, {"lowered": True}),
    "teleport_ascii": (kernels.teleport, {}, {"ascii": True}),
    "until_zero": (kernels.until_zero, {}, {}),
    "qaoa_open": (kernels.qaoa, {}, {}),
    "qaoa_bound": (kernels.qaoa, {"n": 3, "p": 1, "edges": TRIANGLE, "cost": ISING}, {"fold_loops": False}),
    "every_gate": (kernels.every_gate, {"hamiltonian": ISING}, {}),
    "every_gate_open": (kernels.every_gate, {}, {"inline": True, "expand_composite": True}),
    "every_gate_ascii": (kernels.every_gate, {"t": 0.25}, {"ascii": True}),
    "slices_open": (kernels.slices, {}, {}),
    "slices_bound": (kernels.slices, {"n": 5}, {"fold_loops": False}),
    "branches_open": (kernels.branches, {}, {"inline": True}),
    "branches_bound": (kernels.branches, {"negative": True, "n": 3}, {"inline": True, "fold_loops": False}),
    "controlled": (kernels.controlled, {}, {}),
    "controlled_inline": (kernels.controlled, {"n": 2}, {"inline": True}),
    "phase_estimation": (kernels.phase_estimation, {}, {}),
    "phase_estimation_bound": (kernels.phase_estimation, {"n": 3}, {"fold_loops": False}),
    "phase_estimation_narrow_ascii": (kernels.phase_estimation, {}, {"width": 60, "ascii": True}),
    "syndromes_open": (kernels.syndromes, {}, {}),
    "syndromes_narrow": (kernels.syndromes, {"n": 3}, {"width": 60}),
    "two_observables": (kernels.two_observables, {"observables": [qko.Z(0), qko.X(1)]}, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, update_golden: bool) -> None:
    kernel, values, options = CASES[name]
    text = draw(kernel.ir, values, output="text", **{"width": 120, **options})
    file = GOLDEN / f"{name}.txt"
    if update_golden:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("width", [80, 120])
def test_fits_the_width_and_ends_no_line_in_blanks(name: str, width: int) -> None:
    kernel, values, options = CASES[name]
    lines = draw(kernel.ir, values, output="text", **{**options, "width": width}).splitlines()
    assert max(map(len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("width", [60, 160])
def test_wires_that_go_on_end_at_one_column(name: str, width: int) -> None:
    kernel, values, options = CASES[name]
    text = draw(kernel.ir, values, output="text", **{**options, "width": width, "ascii": False})
    for rows in text.split("\n\n"):
        assert len({len(line) for line in rows.splitlines() if line.endswith(("╴", "═"))}) <= 1, rows


@pytest.mark.parametrize("name", CASES)
def test_ascii_is_ascii_and_as_wide(name: str) -> None:
    kernel, values, options = CASES[name]
    text = draw(kernel.ir, values, output="text", **{**options, "width": 100, "ascii": True})
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_lines_go_on_where_they_point(name: str, width: int) -> None:
    kernel, values, options = CASES[name]
    assert loose_ends(draw(kernel.ir, values, output="text", **{**options, "width": width, "ascii": False})) == []


def test_the_width_follows_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {}
    for columns in (70, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        drawn[columns] = draw(kernels.ansatz.ir, SMALL, output="text", fold_loops=False).splitlines()
        assert max(map(len, drawn[columns])) <= columns
    assert len(drawn[70]) > len(drawn[200])


def test_every_line_repeats_the_labels_of_its_wires() -> None:
    text = draw(kernels.ansatz.ir, SMALL, output="text", fold_loops=False, inline=True, width=80)
    starts = [line[:5] for line in text.splitlines() if line.startswith("q[")]
    assert len(starts) > 4
    assert starts == ["q[0] ", "q[1] ", "q[2] ", "q[3] "] * (len(starts) // 4)


def test_folded_loops_are_titled_with_range_and_rounds() -> None:
    text = draw(kernels.ansatz.ir, {}, output="text", width=140)
    assert "for layer_idx in range(n_layers)" in text
    assert "× n_layers" in text
    assert "× max(0, n - 1)" in draw(kernels.ghz.ir, {}, output="text", width=140)
    assert "× max(0, ceil((n - 1)/2))" in draw(kernels.slices.ir, {}, output="text", width=140)


def test_kernels_draw_themselves() -> None:
    assert kernels.ghz.draw(n=4, fold_loops=False, output="text", width=100) == draw(
        kernels.ghz.ir, {"n": 4}, fold_loops=False, output="text", width=100
    )


@qk.struct
class Parts:
    flag: qk.Qubit
    data: qk.Vector[qk.Qubit]


@qk.qkernel
def of_parts(parts: Parts) -> Parts:
    return Parts(qk.h(parts.flag), qk.x(parts.data))


def test_the_qubits_of_a_record_go_by_its_fields() -> None:
    margins = [line.split("╶")[0].split("/")[0].strip() for line in of_parts.draw(output="text").splitlines() if "╶" in line]
    assert margins == ["parts.flag", "parts.data"]


@pytest.mark.parametrize("width", [20, 30, 40, 60])
def test_narrow_drawings_drop_no_facts(width: int) -> None:
    text = draw(kernels.ghz.ir, {}, output="text", width=width)
    assert max(map(len, text.splitlines())) <= max(width, 26)
    assert "for k in range(n - 1)" in " ".join(text.split())
    assert "× max(0, n - 1)" in " ".join(text.split())


def test_two_texts_that_are_cut_alike_are_told_apart() -> None:
    @qk.qkernel
    def turned(angle_of_rotation: qk.Float, factor: qk.Float) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(2)
        q[0], q[1] = qk.rx(q[0], angle_of_rotation), qk.rx(q[1], angle_of_rotation * factor)
        return qk.measure(q)

    below = turned.draw(output="text", width=30)[-60:].split("\n")
    assert below[-3:] == ["RX(angle_of_rotation)", "RX(angle_of_rotation*factor)", ""]
