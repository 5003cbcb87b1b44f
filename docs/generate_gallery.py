"""A gallery of drawings: the library's kernels at a small size, in SVG that follows a reader's light or dark mode."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import qkernel_stdlib
from qkernel_stdlib.examples import EXAMPLES, Example

HEAD = """# Gallery

Drawings of the library's kernels, made where this page is made, by `kernel.draw(output="svg")`: loops folded, calls as boxes. A
picture leads to the kernel's card, which has its formula, its costs and its source.
"""
WIDEST, TALLEST = 900, 460  # points


def gallery(folder: Path, pages: dict[str, str]) -> str:
    """The page as Markdown, its pictures in `folder`, which lies beside it. `pages` has the page of each kernel's card."""
    folder.mkdir(parents=True, exist_ok=True)
    parts, titles = [HEAD], set()
    for example in EXAMPLES:
        name = example.of or example.name
        if not (picture := _picture(example)):
            continue
        module = sys.modules[getattr(qkernel_stdlib, name).__module__]
        if (title := (inspect.getdoc(module) or "").split("\n")[0].rstrip(".")) not in titles:
            parts.append("</div>\n" if titles else "")
            parts.append(f'\n## {title}\n\n<div class="grid cards pictures" markdown>\n\n')
            titles.add(title)
        (folder / f"{example.name}.svg").write_text(picture, encoding="utf-8")
        parts.append(f"* [`{name}`]({pages[name]}#{name})\n\n    ![{name}]({folder.name}/{example.name}.svg)\n\n")
    return "".join([*parts, "</div>\n"])


def _picture(example: Example) -> str:
    """The drawing, where it is of a size that is looked at beside others; otherwise nothing."""
    picture = example.kernel.draw(output="svg", bindings=example.bindings)
    size = re.search(r'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"', picture)
    return picture if size and float(size[1]) <= WIDEST and float(size[2]) <= TALLEST else ""
