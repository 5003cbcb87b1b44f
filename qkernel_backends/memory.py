"""Whether what a computation needs fits into memory, asked before anything of its size is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from qkernel.errors import MemoryRefusedError
from qkernel.lower.circuit import Circuit
from qkernel_backends.clifford import way_out

try:
    import resource
except ImportError:  # where there is no such limit
    resource = None  # type: ignore[assignment]

_ALWAYS_THERE = 1 << 26
_WAYS_OUT = (
    "what entangles little, or is Clifford, fits Aer's methods: "
    '`engine=QiskitEngine(method="matrix_product_state")`, or `"stabilizer"`'
)
"""Where the circuit is not known."""
_CGROUPS = Path("/sys/fs/cgroup")
_SIZES = (("memory.max", "memory.current", "inactive_file"),
          ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))  # fmt: skip
"""The names of a control group's limit, of what it uses, and of what of that can be had back: versions 2 and 1."""


def available_memory() -> int:
    """Bytes that can still be had: of the machine, of the control group (containers), and of the process."""
    return max(0, min([_free_memory(), *_left_in_groups(), *_left_in_process()]))


def require_memory(
    num_qubits: int,
    amplitude_bytes: int,
    needed: int | None = None,
    more: str = "",
    available: int | None = None,
    samples: int = 1,
    circuit: Circuit | None = None,
) -> None:
    """Raise `MemoryRefusedError` where `needed` bytes (default: one state) cannot be had; `available` is what a device has.

    `samples` says how many states at once make it so much, `circuit` is what is to be computed.
    """
    needed = amplitude_bytes << num_qubits if needed is None else needed
    if (free := _lacking(needed, available)) is None:
        return
    several = samples > 1
    raise MemoryRefusedError(
        f"{num_qubits} qubits need {_gibibytes(needed)} GiB of memory{f' for {samples} samples' if several else ''}, "
        f"and {_gibibytes(free)} GiB are free",
        label=f"a state is 2**{num_qubits} amplitudes of {amplitude_bytes} bytes{more}",
        help=f"{'give fewer samples at a time, or ' if several else ''}use fewer qubits"
        f"{' or complex64 (tensors of float32 in a layer)' if amplitude_bytes > 8 else ''}; "
        f"{_WAYS_OUT if circuit is None else way_out(circuit)}",
    )


def require_memory_for_shots(batch: int, shots: int, num_bits: int) -> None:
    """Raise `MemoryRefusedError` where the bits of so many shots, and what it takes to draw and count them, cannot be had."""
    needed = shots * (batch * num_bits + 48)
    if (free := _lacking(needed)) is not None:
        raise MemoryRefusedError(
            f"{shots} shots{f' of {batch} samples' if batch > 1 else ''} need {_gibibytes(needed)} GiB of memory, "
            f"and {_gibibytes(free)} GiB are free",
            label=f"a shot has {num_bits} bits, and is kept until it is counted",
            help="take fewer shots at a time, and add their counts up",
        )


def refused(error: MemoryError, name: str, circuit: Circuit | None = None) -> MemoryRefusedError:
    """What to raise where memory does not suffice, or ran out in spite of all; `circuit` is what was to be computed."""
    if isinstance(error, MemoryRefusedError):
        if circuit is not None and error.help is not None and _WAYS_OUT in error.help:
            error.help = error.help.replace(_WAYS_OUT, way_out(circuit))
        return error
    return MemoryRefusedError(
        f"the memory did not suffice for `{name}`",
        label=str(error),
        help="use fewer qubits, fewer samples or shots at a time, or complex64 (tensors of float32 in a layer)",
    )


def _lacking(needed: int, available: int | None = None) -> int | None:
    """What there is, if that is less than is needed."""
    if needed <= _ALWAYS_THERE:
        return None
    available = available_memory() if available is None else available
    return available if needed > available else None


def _free_memory() -> int:
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 1 << 62


def _left_in_groups() -> Iterator[int]:
    """What is left to the control groups that hold this process."""
    try:
        entries = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in entries:
        if controllers not in ("", "memory"):
            continue
        root = _CGROUPS / controllers
        group = root / path.strip("/")
        for folder in (group, *group.parents):
            yield from _left_in(folder)
            if folder == root:
                break


def _left_in(group: Path) -> Iterator[int]:
    for limit, used, reclaimable in _SIZES:
        try:
            most = (group / limit).read_text().strip()
            if most != "max":
                stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
                yield int(most) - int((group / used).read_text()) + int(stat.get(reclaimable, 0))
        except (OSError, ValueError):
            continue


def _left_in_process() -> Iterator[int]:
    if resource is None or (most := resource.getrlimit(resource.RLIMIT_AS)[0]) == resource.RLIM_INFINITY:
        return
    try:
        yield most - int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        yield most


def _gibibytes(amount: int) -> str:
    return f"{amount / 2**30:.1f}" if amount < 1 << 100 else f"2**{amount.bit_length() - 31}"
