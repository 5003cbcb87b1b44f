"""`doctor`: what is installed, what runs, and whether known numbers come out."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import Any

import click
from rich.console import Group
from rich.table import Table

from qkernel.command.documents import CHECKS
from qkernel.command.output import show
from qkernel.diagnostics import counted
from qkernel.engine import OfMachineCode, engine_names, load_engine
from qkernel.errors import DependencyError, QKernelError

_REQUIREMENT = re.compile(r'([A-Za-z0-9_.-]+)(?:\[(?P<extras>[^]]*)\])?[^;]*(?:;.*extra == "(?P<extra>[^"]+)")?')

_FOR_DEVELOPERS = frozenset({"bench", "docs", "release", "test"})
"""Extras for work on qkernel itself, which the tables leave out."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> None:
    """Report what is installed and works.

    Versions, extras, engines and devices, and numbers whose values are known: the command ends with 1 where one is off.
    """
    found: dict[str, Any] = {
        "versions": {"python": platform.python_version(), "qkernel": version("qkernel"), **_packages(None)},
        "extras": {name: _packages(name) for name in metadata("qkernel").get_all("Provides-Extra") or ()},
        "engines": {name: _engine(name) for name in engine_names()},
        "devices": _devices(),
        "checks": [_checked(*check) for check in CHECKS],
    }
    show(lambda: (found, _report(found)), as_json)
    raise SystemExit(0 if all(check["passed"] for check in found["checks"]) else 1)


def _packages(extra: str | None) -> dict[str, str | None]:
    """What an extra (None: the package itself) needs, each with its version, None where it is not installed."""
    found: dict[str, str | None] = {}
    for text in requires("qkernel") or ():
        match = _REQUIREMENT.match(text)
        if match is None or match["extra"] != extra:
            continue
        if match[1] == "qkernel":
            for other in (match["extras"] or "").split(","):
                found |= _packages(other.strip())
        else:
            found[match[1]] = _version(match[1])
    return found


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _engine(name: str) -> dict[str, Any]:
    try:
        engine = load_engine(name)
    except DependencyError as error:
        return {"missing": error.title, "help": error.help}
    code = {"machine_code": engine.machine_code} if isinstance(engine, OfMachineCode) else {}
    return {"features": sorted(engine.features), **code}


def _devices() -> list[str]:
    found = [f"CPU, {platform.machine()}, {counted(os.cpu_count(), 'core')}"]
    try:
        import torch
    except ImportError:
        return found
    return found + [f"GPU, {torch.cuda.get_device_name(k)}" for k in range(torch.cuda.device_count())]


def _checked(name: str, printed: tuple[str, ...], compute: Callable[[], Iterable[float]]) -> dict[str, Any]:
    """Whether the numbers round to the digits that are printed."""
    try:
        found = [f"{value:.{len(number.partition('.')[2])}f}" for value, number in zip(compute(), printed, strict=True)]
    except QKernelError as error:
        return {"name": name, "expected": printed, "error": str(error), "passed": False}
    return {"name": name, "expected": printed, "found": found, "passed": all(map(_agree, found, printed))}


def _agree(found: str, printed: str) -> bool:
    """But for one in the last digit: documents round as they like."""
    return abs(int(found.replace(".", "")) - int(printed.replace(".", ""))) <= 1


def _report(found: dict[str, Any]) -> Group:
    versions = Table(title="versions", show_header=False)
    for name, number in found["versions"].items():
        versions.add_row(name, number)
    extras = Table("extra", "installed", "missing", title="extras")
    for name, packages in found["extras"].items():
        if name in _FOR_DEVELOPERS:
            continue
        missing = [package for package, number in packages.items() if number is None]
        extras.add_row(name, "no" if missing else "yes", ", ".join(missing))
    engines = Table("engine", "can do", title="engines")
    for name, engine in found["engines"].items():
        code = engine.get("machine_code")
        engines.add_row(
            name,
            engine.get("help")
            or engine.get("missing")
            or ", ".join(engine["features"]) + (f"; machine code {code}" if code else ""),
        )
    checks = Table("document", "expected", "found", "", title="numbers of the documents")
    for check in found["checks"]:
        values = check.get("error") or "\n".join(check["found"])
        checks.add_row(check["name"], "\n".join(check["expected"]), values, "ok" if check["passed"] else "WRONG")
    return Group(versions, extras, engines, "devices: " + "; ".join(found["devices"]), checks)
