"""`draw`, `estimate` and `export`."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import click

from qkernel.command.output import named, on_a_kernel, only_ascii
from qkernel.command.program import AnyKernel
from qkernel.command.values import values_of
from qkernel.ir.files import write_whole

PICTURES = {".txt": "text", ".svg": "svg", ".html": "html", ".png": "mpl", ".pdf": "mpl"}
FORMATS = {".qasm": "openqasm3", ".qk": "qk"}
_OPENQASM: dict[str, dict[str, Any]] = {"openqasm3": {}, "openqasm3-flat": {"flat": True}, "openqasm2": {"version": 2}}
_to_file = click.option("-o", "--output", "path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")


@click.command()
@_to_file
@click.option("--inline", is_flag=True, help="Open calls of kernels.")
@click.option("--unfold", is_flag=True, help="Write loops out.")
@click.option("--lowered", is_flag=True, help="Draw the concrete circuit.")
@click.option("--ascii", is_flag=True, help="Plain characters only.")
@click.option("--style", metavar="NAME", help="A style of drawings.")
@click.option("--width", type=float, help="Where lines wrap: columns of text, inches, pixels.")
@on_a_kernel
def draw(kernel: AnyKernel, values: dict[str, Any], path: Path | None, unfold: bool, **options: Any) -> Any:
    """Draw a kernel.

    As text, or into FILE (.txt, .svg, .html, .png, .pdf).
    """
    output = "text" if path is None else _chosen(path, PICTURES)
    if path is None:
        options["width"] = shutil.get_terminal_size().columns if options["width"] is None else options["width"]
        options["ascii"] = options["ascii"] or only_ascii()
    drawing = kernel.draw(bindings=values, options={**options, "output": output, "fold_loops": not unfold})
    if path is None:
        return named(kernel, values, drawing=drawing), drawing
    if output == "mpl":
        file = io.BytesIO()
        drawing.savefig(file, format=path.suffix[1:], bbox_inches="tight", dpi=200)
        drawing = file.getvalue()
    write_whole(path, drawing)
    return named(kernel, values, file=str(path)), f"wrote {path}"


@click.command()
@click.option("--basis", default="native", show_default=True, help="native, or clifford_t.")
@click.option("--precision", type=float, default=1e-10, show_default=True, help="Of each rotation in Clifford+T.")
@on_a_kernel
def estimate(kernel: AnyKernel, values: dict[str, Any], basis: str, precision: float) -> Any:
    """Count qubits and gates.

    In closed form where arguments are not set.
    """
    found = kernel.estimate_resources(values, options={"basis": basis, "precision": precision})
    return named(kernel, values, estimate=found.to_dict()), found.table()


@click.command()
@_to_file
@click.option("--format", "form", type=click.Choice([*_OPENQASM, "qk"]), help="Default: by FILE, else openqasm3.")
@click.option("--length", "lengths", metavar="NAME=N", multiple=True, help="Of an array that stays open; of a matrix N,M.")
@on_a_kernel
def export(kernel: AnyKernel, values: dict[str, Any], path: Path | None, form: str | None, lengths: tuple[str, ...]) -> Any:
    """Write a kernel into a file.

    As OpenQASM 3 with its loops and calls (.qasm), gate by gate (openqasm3-flat), as OpenQASM 2, or in its own text form
    (.qk). Arguments that are not set stay open.
    """
    form = form or ("openqasm3" if path is None else _chosen(path, FORMATS))
    if form == "qk" and (values or lengths):
        raise click.UsageError("the text form keeps arguments open: leave --set and --length out")
    if form == "qk":
        text = str(kernel.ir) + "\n"
    else:
        text = kernel.to_qasm(bindings=values, lengths=values_of(kernel, lengths, "--length"), **_OPENQASM[form])
    if path is None:
        return named(kernel, values, format=form, text=text), text.rstrip("\n")
    write_whole(path, text)
    return named(kernel, values, format=form, file=str(path)), f"wrote {path}"


def _chosen(path: Path, known: dict[str, str]) -> str:
    """What a file is to hold, by the end of its name."""
    if path.suffix not in known:
        raise click.UsageError(f"what {str(path)!r} is to hold is not known: its name ends in one of {', '.join(known)}")
    return known[path.suffix]
