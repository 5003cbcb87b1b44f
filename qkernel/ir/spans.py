"""Where in the user's source something was written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of source text. Lines count from 1, columns (characters, not bytes) from 0; the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
