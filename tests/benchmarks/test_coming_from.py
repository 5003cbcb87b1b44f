"""The programs of other packages in `docs/coming_from` print what stands there, where the package is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_docs import DOCS, printed

BLOCK = re.compile(r'^```python title="(?!qkernel").*?"\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?', re.M | re.S)


@pytest.mark.parametrize("page", sorted((DOCS / "coming_from").glob("*.md")), ids=lambda page: page.stem)
@pytest.mark.filterwarnings("default")
def test_their_programs_print_what_the_page_says(page: Path) -> None:
    pytest.importorskip(page.stem)
    names: dict[str, object] = {"__name__": "__main__"}
    blocks = list(BLOCK.finditer(page.read_text(encoding="utf-8")))
    assert blocks
    for number, block in enumerate(blocks, 1):
        assert printed(block["code"], f"theirs_{number}.py", names) == (block["output"] or ""), block["code"]
