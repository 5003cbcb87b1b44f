"""Where Python runs that is not the kernel's own: functions of users and of libraries, on symbols too.

Code that is called from here sees symbols as values that are not known yet: `==` on them is a Bit, never an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qkernel.ir.askers import OUTSIDE


def run_outside(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """`function(*arguments, **keywords)` as the user's Python."""
    token = OUTSIDE.set(True)
    try:
        return function(*arguments, **keywords)
    finally:
        OUTSIDE.reset(token)
