"""`check`: what is wrong in files, one line each, as editors and pre-commit read it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import click

from qkernel.command.output import error_fields, relative
from qkernel.command.program import SUFFIXES, kernels_of
from qkernel.errors import QKernelError, of_file


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE...")
@click.option("--excerpt", is_flag=True, help="Show the source with carets, and what to do.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(paths: tuple[Path, ...], excerpt: bool, as_json: bool) -> None:
    """Find what is wrong in files.

    Every kernel of files and folders (.py, .qk, .qasm) is read; what is wrong is printed as FILE:LINE:COLUMN: CODE MESSAGE, and
    the command ends with 1. Python files are run as at an import, those that name qkernel.
    """
    found: dict[str, tuple[Path, QKernelError]] = {}
    with redirect_stdout(sys.stderr):
        for path in (file for given in paths for file in _files(given)):
            for error in _wrong(path):
                found.setdefault(str(error), (path, error))  # a kernel that others call is found more than once
    if as_json:
        click.echo(json.dumps({"errors": [{"file": str(path), **error_fields(error)} for path, error in found.values()]}))
    else:
        for text, (path, error) in found.items():
            click.echo(text if excerpt else _line(path, error))
    raise SystemExit(1 if found else 0)


def _files(path: Path) -> Iterator[Path]:
    """A file, or those of a folder, without hidden folders, linked ones and virtual environments."""
    if not path.is_dir():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if (entry.is_dir() and not _is_skipped(entry)) or (entry.is_file() and entry.suffix[1:] in SUFFIXES):
            yield from _files(entry)


def _is_skipped(folder: Path) -> bool:
    """Links, which may lead around in a circle, are skipped too."""
    return folder.is_symlink() or folder.name.startswith(".") or (folder / "pyvenv.cfg").exists()


def _wrong(path: Path) -> Iterator[QKernelError]:
    try:
        with of_file(path, "read"):
            if path.suffix == ".py" and b"qkernel" not in path.read_bytes():
                return
        kernels = kernels_of(path)
    except QKernelError as error:
        yield error
        return
    for kernel in kernels:
        try:
            kernel.check()
        except QKernelError as error:
            yield error


def _line(path: Path, error: QKernelError) -> str:
    place = error.span
    where = f"{path}:1:1" if place is None else f"{relative(place.file)}:{place.line}:{place.column + 1}"
    return " ".join(f"{where}: {error.code} {error.title}{f': {error.label}' if error.label else ''}".split())
