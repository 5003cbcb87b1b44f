"""Where lines of a drawing in text end in nothing, or run into the side of something that they do not join."""

from __future__ import annotations

NORTH, EAST, SOUTH, WEST = range(4)
STEPS = {NORTH: (-1, 0), EAST: (0, 1), SOUTH: (1, 0), WEST: (0, -1)}
_LETTERS = {
    "ew": "─═", "ns": "│║", "es": "┌╔╭", "sw": "┐╗╮", "ne": "└╚╰", "nw": "┘╝╯", "nes": "├╠╞╟", "nsw": "┤╣╡╢", "esw": "┬╦╤╥",
    "new": "┴╩╧╨", "nesw": "┼╬╪╫", "e": "╶", "w": "╴", "n": "╵", "s": "╷",
}  # fmt: skip
LINES = {letter: ["nesw".index(side) for side in sides] for sides, letters in _LETTERS.items() for letter in letters}


def loose_ends(drawing: str) -> list[str]:
    """Each line that does not go on where it points; names and signs take lines from any side."""
    found = []
    for band in drawing.split("\n\n"):
        rows = band.split("\n")
        for row, line in enumerate(rows):
            for column, letter in enumerate(line):
                for side in LINES.get(letter, ()):
                    below, beside = row + STEPS[side][0], column + STEPS[side][1]
                    inside = 0 <= below < len(rows) and 0 <= beside < len(rows[below])
                    other = rows[below][beside] if inside else " "
                    goes_on = (side + 2) % 4 in LINES[other] if other in LINES else other != " " or side in (EAST, WEST)
                    if not goes_on:
                        found.append(f"{letter} at line {row}, column {column} of\n{band}")
    return found
