"""Matplotlib figures that a notebook shows by themselves, without pyplot."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

_FINEST_SIDE = 6_000
"""Pixels of the picture that a notebook shows, where it is twice as fine as the figure."""


class DrawnFigure(Figure):
    """A figure that a notebook shows, with or without `%matplotlib inline`."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The picture, fine enough for displays of small pixels, and the size at which it is meant to be shown."""
        width, height = (round(side * self.dpi) for side in self.get_size_inches())
        fineness = 2 if 2 * max(width, height) <= _FINEST_SIDE else 1
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=fineness * self.dpi)
        return file.getvalue(), {"width": width, "height": height}
