"""Tutorials as pages, with their outputs.

Each runs once, as a notebook, and is kept in out/tutorials until it or the package changes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parent.parent
SCRIPTS = tuple(sorted((ROOT / "tutorials").glob("*.py")))
SOURCES = tuple(
    sorted(path for name in ("qkernel", "qkernel_stdlib", "qkernel_backends") for path in (ROOT / name).rglob("*.py"))
)
KEPT = ROOT / "out" / "tutorials"
THUMBNAIL = (640, 400)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Tutorial:
    """One tutorial, as a notebook with or without outputs; `figure` is the picture in which it ends, where it ran."""

    name: str
    notebook: Any
    figure: Path | None = None

    @property
    def title(self) -> str:
        """Its heading."""
        return str(self.notebook.cells[0].source.split("\n")[0].removeprefix("# "))

    def page(self, pictures: Path) -> str:
        """It as Markdown. Pictures among the outputs are written to `pictures`, the folder beside the page."""
        parts = []
        for number, cell in enumerate(self.notebook.cells):
            if cell.cell_type == "markdown":
                parts.append(cell.source)
            else:
                parts.append(f"```python\n{cell.source}\n```")
                parts += [_shown(output, pictures / f"{number}-{k}.png") for k, output in enumerate(_joined(cell.outputs))]
        return "\n\n".join(part for part in parts if part) + "\n"

    def thumbnail(self, path: Path) -> None:
        """Write its figure at a size for an index."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(self.figure) as picture:
            picture.thumbnail(THUMBNAIL)
            picture.save(path)


def tutorials(run: bool = True) -> list[Tutorial]:
    """All of them, by name; with `run`, those are run whose outputs are not at hand."""
    return [_ran(path) if run else Tutorial(path.stem, _notebook(path)) for path in SCRIPTS]


def _notebook(path: Path) -> Any:
    return jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")


def _ran(path: Path) -> Tutorial:
    folder = KEPT / path.stem
    kept, figure = folder / "notebook.ipynb", folder / "out" / f"{path.stem}.png"
    digest = _digest(path)
    if kept.exists() and (notebook := nbformat.read(kept, 4)).metadata.get("digest") == digest:
        return Tutorial(path.stem, notebook, figure)
    print(f"running {path.relative_to(ROOT)}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "QKERNEL_FIGURES")}
    environment["PYTHONWARNINGS"] = 'ignore:install "ipywidgets":UserWarning'  # of progress bars, which are not shown
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    notebook = _notebook(path)
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment, stderr=subprocess.DEVNULL)  # on which a kernel tells of its transport
    notebook.metadata["digest"] = digest
    nbformat.write(notebook, kept)
    return Tutorial(path.stem, notebook, figure)


def _digest(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes())
    for source in SOURCES:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _joined(outputs: list[Any]) -> list[Any]:
    """Outputs with the pieces of a stream joined; what went to the error stream, as progress bars do, is left out."""
    joined: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and output.name != "stdout":
            continue
        if output.output_type == "stream" and joined and joined[-1].output_type == "stream":
            joined[-1] = nbformat.v4.new_output("stream", name="stdout", text=joined[-1].text + output.text)
        else:
            joined.append(output)
    return joined


def _shown(output: Any, picture: Path) -> str:
    if output.output_type == "stream":
        lines = [line.rsplit("\r", 1)[-1].rstrip() for line in COLOURS.sub("", output.text).splitlines()]
        return _printed("\n".join(lines).strip("\n"))
    if "image/png" in output.data:
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(base64.b64decode(output.data["image/png"]))
        return f"![figure]({picture.parent.name}/{picture.name})"
    return _printed(output.data["text/plain"].rstrip())


def _printed(text: str) -> str:
    return f"```text\n{text}\n```" if text.strip() else ""
