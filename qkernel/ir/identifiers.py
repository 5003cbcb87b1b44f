"""Names for what is written or read: valid ones, each used once."""

from __future__ import annotations

import keyword


def identifier(name: str) -> str:
    """`name` as a Python identifier."""
    spelt = "".join(letter if letter.isidentifier() or letter.isdigit() else "_" for letter in name)
    spelt = spelt if spelt.isidentifier() else f"_{spelt}"
    return f"{spelt}_" if keyword.iskeyword(spelt) else spelt


def fresh(name: str, taken: set[str]) -> str:
    """`name`, or `name_1`, `name_2` ... where it is taken; now taken."""
    found, count = name, 0
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    taken.add(found)
    return found
