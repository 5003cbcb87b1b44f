"""Whether a state fits into memory, asked before anything of its size is made."""

from __future__ import annotations

import os

from qkernel.errors import MemoryRefusedError

_ALWAYS_THERE = 1 << 26


def available_memory() -> int:
    """Bytes that can still be had."""
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 1 << 62


def require_memory(
    num_qubits: int, amplitude_bytes: int, needed: int | None = None, more: str = "", room: int | None = None
) -> None:
    """Raise `MemoryRefusedError` where `needed` bytes (default: one state) cannot be had; `room` is what a device has."""
    needed = amplitude_bytes << num_qubits if needed is None else needed
    if needed <= _ALWAYS_THERE:
        return
    room = available_memory() if room is None else room
    if needed <= room:
        return
    raise MemoryRefusedError(
        f"{num_qubits} qubits need {_gibibytes(needed)} GiB of memory, and {_gibibytes(room)} GiB are free",
        label=f"a state is 2**{num_qubits} amplitudes of {amplitude_bytes} bytes{more}",
        help="use complex64, fewer qubits, or a machine with more memory",
    )


def _gibibytes(amount: int) -> str:
    return f"{amount / 2**30:.1f}" if amount < 1 << 100 else f"2**{amount.bit_length() - 31}"
