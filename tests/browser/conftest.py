"""The browser that these tests look with."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def chromium() -> list[str]:
    """The command that starts Chromium without a window."""
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome")))
    if (path := next(found, None)) is None:
        pytest.fail("no Chromium was found to look with; install one (on Debian: apt-get install chromium)")
    return [path, "--headless", "--no-sandbox", "--disable-gpu"]
