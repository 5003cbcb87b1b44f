"""The words of OpenQASM, and names beside them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from qkernel.ir.identifiers import fresh

# fmt: off
WORDS = frozenset((
    "OPENQASM", "include", "defcalgrammar", "def", "cal", "defcal", "gate", "extern", "box", "let", "break", "continue",
    "if", "else", "end", "return", "for", "while", "in", "switch", "case", "default", "nop", "pragma", "input", "output",
    "const", "readonly", "mutable", "qreg", "qubit", "creg", "bool", "bit", "int", "uint", "float", "angle", "complex",
    "array", "void", "duration", "stretch", "gphase", "inv", "pow", "ctrl", "negctrl", "durationof", "delay", "reset",
    "measure", "barrier", "true", "false", "im", "pi", "tau", "euler", "arcsin", "sin", "arccos", "cos", "arctan", "tan",
    "exp", "log", "sqrt", "ceiling", "floor", "mod", "popcount", "rotl", "rotr", "real", "imag", "sizeof", "U", "CX",
    "p", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz", "cx", "cy", "cz", "cp", "crx", "cry", "crz",
    "ch", "swap", "ccx", "cswap", "cu", "phase", "cphase", "id", "u1", "u2", "u3", "dt", "ns", "us", "ms",
))
"""What has a meaning in the language or in `stdgates.inc`."""

OPERATIONS = frozenset((
    "break_loop", "c3sx", "ccx", "ccz", "ch", "continue_loop", "cp", "crx", "cry", "crz", "cs", "csdg", "cswap", "csx", "cu",
    "cu1", "cu2", "cu3", "cx", "cy", "cz", "dcx", "delay", "diagonal", "ecr", "for_loop", "global_phase", "h", "id", "if_else",
    "initialize", "iswap", "kraus", "mcp", "mcphase", "mcr", "mcrx", "mcry", "mcrz", "mcswap", "mcsx", "mcu", "mcu1", "mcu2",
    "mcu3", "mcx", "mcx_gray", "mcy", "mcz", "measure", "multiplexer", "p", "pauli", "qerror_loc", "quantum_channel", "r",
    "rcccx", "rccx", "reset", "roerror", "rx", "rxx", "ry", "ryy", "rz", "rzx", "rzz", "s", "save_amplitudes",
    "save_amplitudes_sq", "save_clifford", "save_density_matrix", "save_expval", "save_expval_var",
    "save_matrix_product_state", "save_probabilities", "save_probabilities_dict", "save_stabilizer", "save_state",
    "save_statevector", "save_statevector_dict", "save_superop", "save_unitary", "sdg", "set_density_matrix",
    "set_matrix_product_state", "set_stabilizer", "set_statevector", "set_superop", "set_unitary", "store", "superop", "swap",
    "switch_case", "sx", "sxdg", "t", "tdg", "u", "u1", "u2", "u3", "unitary", "while_loop", "x", "xx_minus_yy", "xx_plus_yy",
    "y", "z",
))
"""What Qiskit and Aer, which know operations by their names alone, take for one of theirs."""
# fmt: on


def box_name(label: str) -> str:
    """The name of a composite gate, beside those of operations."""
    return f"{label}_box" if label in OPERATIONS else label


@dataclass
class Names:
    """Identifiers, each used once; `callables` are those of gates and subroutines, which are seen everywhere in a text.

    `elsewhere` are those of all variables, with what they are called in the kernel.
    """

    callables: set[str] = field(default_factory=lambda: set(WORDS))
    taken: set[str] = field(default_factory=set)
    elsewhere: dict[str, str] = field(default_factory=dict)

    def inside(self) -> Names:
        """The names of a gate or subroutine, which may be those of variables elsewhere."""
        return Names(self.callables, set(), self.elsewhere)

    def fresh(self, wanted: str) -> str:
        """A name for a variable."""
        found = fresh(_plain(wanted), self.callables | self.taken)
        self.taken.add(found)
        self.elsewhere[found] = wanted
        return found

    def callable(self, wanted: str) -> str:
        """A name for a gate or subroutine."""
        found = fresh(_plain(wanted), self.callables | self.elsewhere.keys())
        self.callables.add(found)
        return found


def _plain(wanted: str) -> str:
    plain = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_") or "name"
    return f"_{plain}" if plain[0].isdigit() else plain
