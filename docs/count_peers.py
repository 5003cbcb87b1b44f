"""Counts of other libraries for docs/library.md: `python docs/count_peers.py qualtran` where that package is installed.

They stand in docs/peer_counts.json, since these packages and Qiskit do not go into one environment.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

COUNTS = Path(__file__).with_name("peer_counts.json")
SIZE, ADDRESS = 16, 6


def qualtran() -> dict[str, tuple[str, str]]:
    """Magic states by Qualtran's own cost, of which an AND is four T: by row of the table its bloq and its count."""
    arithmetic = import_module("qualtran.bloqs.arithmetic")
    width, table = import_module("qualtran").QUInt(SIZE), range(2**ADDRESS)
    bloqs: dict[str, Any] = {
        "add": arithmetic.Add(width),
        "controlled_add": arithmetic.CAdd(width),
        "lookup": import_module("qualtran.bloqs.data_loading.qrom").QROM.build_from_data(table, target_bitsizes=(ADDRESS,)),
        "mcx_clean": import_module("qualtran.bloqs.mcmt.multi_control_pauli").MultiControlX((1,) * SIZE),
    }
    bloqs |= {"measured_add": bloqs["add"], "measured_add, controlled": bloqs["controlled_add"]}
    bloqs |= {"measured_lookup": bloqs["lookup"], "mcx_relative_phase": bloqs["mcx_clean"]}
    counting = import_module("qualtran.resource_counting")
    costs = {row: counting.get_cost_value(bloq, counting.QECGatesCost()) for row, bloq in bloqs.items()}
    return {row: (type(bloqs[row]).__name__, f"{cost.total_t_count()} T") for row, cost in costs.items()}


def qamomile() -> dict[str, tuple[str, str]]:
    """The estimates of Qamomile's kernels: by row of the table its kernel and its count."""
    library = import_module("qamomile.circuit.stdlib")

    def counted(name: str, **sizes: int) -> tuple[str, str]:
        gates = getattr(library, name).estimate_resources(inputs=sizes).gates
        return name, f"{gates.toffoli}" if gates.toffoli else f"{gates.rotation_gates} rotations"

    added = counted("ripple_carry_add", left=SIZE, right=SIZE)
    return {
        "add": added,
        "ripple_carry_add": added,
        "draper_add_const, controlled": counted("controlled_add_const", target=SIZE - 1, value=5),  # and a qubit that overflows
        "mcx_clean": counted("mcx", controls=SIZE),
        "mcx_clean, controlled": counted("mcx", controls=SIZE + 1),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    (package,) = sys.argv[1:]
    found = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    found[package] = {"version": version(package), "counts": {"qualtran": qualtran, "qamomile": qamomile}[package]()}
    COUNTS.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
