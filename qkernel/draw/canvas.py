"""A grid of characters on which lines that meet join."""

from __future__ import annotations

from qkernel.characters import cells, columns

_NORTH, _EAST, _SOUTH, _WEST = range(4)
_JOINTS = {
    # lines leaving to north, east, south, west: 0 none, 1 single, 2 double
    "0000": " ", "0101": "─", "1010": "│", "0110": "┌", "0011": "┐", "1100": "└", "1001": "┘", "1110": "├", "1011": "┤",
    "0111": "┬", "1101": "┴", "1111": "┼", "0202": "═", "2020": "║", "0220": "╔", "0022": "╗", "2200": "╚", "2002": "╝",
    "2220": "╠", "2022": "╣", "0222": "╦", "2202": "╩", "2222": "╬", "1212": "╪", "2121": "╫", "2101": "╨", "0121": "╥",
    "1202": "╧", "0212": "╤", "1210": "╞", "1012": "╡", "2120": "╟", "2021": "╢", "0100": "╶", "0001": "╴", "1000": "╵",
    "0010": "╷", "0200": "═", "0002": "═", "2000": "║", "0020": "║",
}  # fmt: skip
_PLAIN = str.maketrans("×●○⊕░⟩…─╶╴═│╵╷║┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬╪╫╨╥╧╤╞╡╟╢╭╮╰╯", "x*oX:>.---=||||" + "+" * 32)


class Canvas:
    """`height` by `width` characters; later writing covers earlier writing, lines join lines."""

    def __init__(self, height: int, width: int) -> None:
        self.lines = [[[0, 0, 0, 0] for _ in range(width)] for _ in range(height)]
        self.letters: dict[tuple[int, int], str] = {}
        self.height, self.width = height, width

    def write(self, row: int, column: int, text: str) -> None:
        """Letters over whatever is there; behind a letter of two columns stands an empty one."""
        for letter, width in cells(text):
            self.put(row, column, letter)
            if width == 2:
                self.put(row, column + 1, "")
            column += width

    def put(self, row: int, column: int, letter: str) -> None:
        if 0 <= row < self.height and 0 <= column < self.width:
            self.letters[row, column] = letter

    def fill(self, top: int, bottom: int, column: int, letter: str) -> None:
        """A column of one letter."""
        for row in range(top, bottom + 1):
            self.put(row, column, letter)

    def horizontal(self, row: int, first: int, last: int, weight: int = 1) -> None:
        """A line from column `first` to column `last`, both included."""
        for column in range(first, last + 1):
            if column > first:
                self._join(row, column, _WEST, weight)
            if column < last:
                self._join(row, column, _EAST, weight)

    def vertical(self, column: int, first: int, last: int, weight: int = 1) -> None:
        """A line from row `first` to row `last`, both included."""
        first, last = min(first, last), max(first, last)
        for row in range(first, last + 1):
            if row > first:
                self._join(row, column, _NORTH, weight)
            if row < last:
                self._join(row, column, _SOUTH, weight)

    def _join(self, row: int, column: int, side: int, weight: int) -> None:
        if 0 <= row < self.height and 0 <= column < self.width:
            self.lines[row][column][side] = max(self.lines[row][column][side], weight)
            self.letters.pop((row, column), None)

    def box(self, top: int, bottom: int, left: int, width: int, wires: list[int], ended: list[int]) -> None:
        """A box that covers what is inside; wires enter at their rows, and leave unless they are `ended`."""
        right = left + width - 1
        for row in range(top + 1, bottom):
            for column in range(left, right + 1):
                entering = self.lines[row][column][_WEST] if column == left and row in wires else 0
                leaving = self.lines[row][column][_EAST] if column == right and row in wires and row not in ended else 0
                self.lines[row][column] = [0, leaving, 0, entering]
                self.letters.pop((row, column), None)
        for column in range(left, right + 1):
            self.lines[top][column][_SOUTH] = self.lines[bottom][column][_NORTH] = 0
        self.horizontal(top, left, right)
        self.horizontal(bottom, left, right)
        self.vertical(left, top, bottom)
        self.vertical(right, top, bottom)

    def __str__(self) -> str:
        rows = []
        for row in range(self.height):
            rows.append("".join(self._cell(row, column) for column in range(self.width)).rstrip())
        return "\n".join(rows).strip("\n")

    def _cell(self, row: int, column: int) -> str:
        """What stands in one column; of a letter of two columns that is half covered, a space."""
        letter, before, behind = (self.letters.get((row, column + shift)) for shift in (0, -1, 1))
        if letter is None:
            return _JOINTS.get("".join(map(str, self.lines[row][column])), "┼")
        is_half = before is None or columns(before) < 2 if letter == "" else columns(letter) == 2 and behind != ""
        return " " if is_half else letter


def plain(text: str) -> str:
    """`text` with its lines in ASCII."""
    return text.translate(_PLAIN)
