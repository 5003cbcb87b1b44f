"""The site in headless Chromium, from files: pages and their programs fit, and the search finds (`make browser`)."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from docs import generate_site
from docs.generate_tutorials import tutorials

PAGES = (
    "index", "start", "card", "layers", "estimates", "hardware", "tutorials", "gallery", "limits", "benchmarks", "errors",
    "coming_from/pennylane", "reference/qkernel",
)  # fmt: skip
GUIDES = ("index", "start", "card", "layers", "estimates", "hardware", "coming_from/pennylane")
WORDS = ("parameter+shift", "optimise", "optimize")
WIDTHS = (390, 1280)
READY = "document.readyState == 'complete'"
PROGRAMS = (
    "Math.max(0, ...[...document.querySelectorAll('article .language-python code')].map(c => c.scrollWidth - c.clientWidth))"
)
FOUND = "document.querySelectorAll('.md-search-result__item').length"


class Tab:
    """A page of a browser, steered by its protocol for developers."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket, self.number, self.session = socket, 0, ""

    async def ask(self, method: str, **parameters: Any) -> Any:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        await self.socket.write_message(json.dumps(message | ({"sessionId": self.session} if self.session else {})))
        while (answer := json.loads(await self.socket.read_message())).get("id") != self.number:
            pass
        return answer["result"]

    async def value(self, expression: str) -> Any:
        return (await self.ask("Runtime.evaluate", expression=expression))["result"]["value"]

    async def show(self, address: str) -> None:
        await self.ask("Page.navigate", url=address)
        while not await self.value(READY):
            await asyncio.sleep(0.05)


async def look(address: str, site: Path) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """How wide each page is at each width, how far programs of guides reach beyond their column, and how much searches find."""
    tab = Tab(await websocket_connect(address))
    target = (await tab.ask("Target.createTarget", url="about:blank"))["targetId"]
    tab.session = (await tab.ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
    widths, beyond, found = {}, {}, {}
    for width in WIDTHS:
        await tab.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        for page in PAGES:
            await tab.show((site / f"{page}.html").as_uri())
            widths[f"{page} {width}"] = await tab.value("document.documentElement.scrollWidth")
            beyond[f"{page} {width}"] = await tab.value(PROGRAMS)
    for words in WORDS:
        await tab.show((site / "index.html").as_uri() + f"?q={words}")
        for _ in range(200):
            if count := await tab.value(FOUND):
                found[words] = count
                break
            await asyncio.sleep(0.1)
    tab.socket.close()
    while await tab.socket.read_message() is not None:
        pass
    return widths, beyond, found


def test_pages_fit_and_the_search_finds(chromium: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_site, "PAGES", tmp_path / "pages")
    monkeypatch.setattr(generate_site, "SITE", tmp_path / "site")
    monkeypatch.setattr(generate_site, "tutorials", lambda: tutorials(run=False))
    generate_site.main()
    command = [*chromium, "--remote-debugging-port=0", f"--user-data-dir={tmp_path / 'profile'}", "about:blank"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as browser:
        try:
            address = next(found[1] for line in browser.stderr if (found := re.search(r"listening on (ws://\S+)", line)))
            widths, beyond, found = asyncio.run(look(address, tmp_path / "site"))
        finally:
            browser.terminate()
    assert {place for place, width in widths.items() if width > int(place.split()[1])} == set()
    assert len(widths) == len(PAGES) * len(WIDTHS)
    assert {page: beyond[f"{page} 1280"] for page in GUIDES} == dict.fromkeys(GUIDES, 0)
    assert beyond["start 390"] > 0  # where they do not fit, they scroll, and the page stays as wide as the window
    assert found["parameter+shift"] > 3
    assert found["optimise"] == found["optimize"] > 3
