"""A line of the index of figures."""

from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Entry:
    """A line of the index: file names (without suffix), kind of caption, what it is about."""

    name: str
    kind: str
    subject: str = ""


Drawing = tuple[Entry, Figure]
