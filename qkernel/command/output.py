"""What all commands share: their arguments, and how results and errors are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import numpy as np
from rich.console import Console

from qkernel.command.program import AnyKernel, kernel_of
from qkernel.command.values import values_of
from qkernel.errors import QKernelError
from qkernel.observable import Hamiltonian

F = TypeVar("F", bound=Callable[..., Any])
_ABOUT_VALUES = ("QK105", "QK303")  # arguments that lack, and those that must be known


def on_a_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command on `FILE:KERNEL --set NAME=VALUE ... --json`; `function` gets the kernel, the values and its own options."""

    @click.argument("target", metavar="FILE:KERNEL", type=click.Path())
    @click.argument("more", nargs=-1, metavar="")
    @click.option("--set", "-s", "given", metavar="NAME=VALUE", multiple=True, help="The value of an argument; repeatable.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @wraps(function)
    def command(target: str, more: tuple[str, ...], given: tuple[str, ...], as_json: bool, **options: Any) -> None:
        if more:
            raise click.UsageError(f"{more[0]!r} is one too many: write FILE:KERNEL, and --set NAME=VALUE for each argument")

        def work() -> Any:
            with redirect_stdout(sys.stderr):  # what the user's file prints is no part of the result
                kernel = kernel_of(target)
            return function(kernel, values_of(kernel, given), **options)

        show(work, as_json)

    return command


def show(work: Callable[[], tuple[dict[str, Any], Any]], as_json: bool) -> None:
    """Print what `work` gives: an object for JSON, and what a person reads instead (a text, or what rich prints)."""
    try:
        found, shown = work()
    except QKernelError as error:
        fail(error, as_json)
    except click.UsageError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"error": {"code": None, "message": error.format_message()}}))
        raise SystemExit(error.exit_code) from None
    if as_json:
        click.echo(json.dumps(_with_names(found), default=_plain))
    elif isinstance(shown, str):
        click.echo(shown)
    elif shown is not None:
        Console(highlight=False).print(shown)


def only_ascii() -> bool:
    """Whether what is printed goes where there are no characters for boxes."""
    return Console().options.ascii_only


def fail(error: QKernelError, as_json: bool) -> NoReturn:
    """Print an error and end with 1."""
    if error.code in _ABOUT_VALUES:
        error.help = "; ".join(filter(None, (error.help, "on the command line, write `--set NAME=VALUE`")))
    if as_json:
        click.echo(json.dumps({"error": error_fields(error)}))
    else:
        click.echo(str(error), err=True)
    raise SystemExit(1)


def error_fields(error: QKernelError) -> dict[str, Any]:
    """An error for JSON; lines and columns count from 1."""
    place = error.span
    where = {} if place is None else {"file": relative(place.file), "line": place.line, "column": place.column + 1}
    return {"code": error.code, "message": error.title, "label": error.label, **where, "help": error.help}


def relative(file: str) -> str:
    """A file's name from the current folder, if it lies below it."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _with_names(value: Any) -> Any:
    """A value whose dictionaries have texts for keys, those of pairs as Python writes them."""
    match value:
        case dict():
            return {str(key): _with_names(part) for key, part in value.items()}
        case list() | tuple():
            return [_with_names(part) for part in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Hamiltonian):
        return str(value)
    raise TypeError(f"JSON has no {type(value).__name__}")


def named(kernel: AnyKernel, values: dict[str, Any], **found: Any) -> dict[str, Any]:
    """A result for JSON."""
    return {"kernel": kernel.name, "values": values, **found}
