"""The model of a report: what it says, nothing of how it looks.

Text carries four marks: `**strong**`, `*emphasis*`, `` `name` `` and `[@key]` for a reference of
`radpipe.reporting.references`. `literal` protects text that a user wrote.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

_MARK = re.compile(
    r"\\(?P<escaped>[\\*`\[])"
    r"|\*\*(?P<strong>(?:\\.|[^\\])+?)\*\*"
    r"|\*(?P<emphasis>(?:\\.|[^*\\])+?)\*"
    r"|`(?P<name>(?:\\.|[^`\\])+?)`"
    r"|\[@(?P<cite>[A-Za-z0-9]+)\]"
)


@dataclass(frozen=True)
class Span:
    """A piece of text with one mark."""

    kind: str
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Callout:
    """What a reader must not miss."""

    kind: Literal["warning", "info"]
    text: str


@dataclass(frozen=True)
class Table:
    """A table of text; a line break in a cell is kept.

    Attributes:
        columns: the headings.
        rows: one tuple a row, as long as `columns`; cells carry no marks.
        caption: what the table shows; carries marks.
        note: how to read it, set small below; carries marks.
        strong: indices of the rows to set off (the primary model).
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    note: str = ""
    strong: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row has {len(row)} cells, the table {len(self.columns)}")


@dataclass(frozen=True)
class Figure:
    """A drawing that lies on disk as SVG and PNG."""

    svg: Path
    png: Path
    caption: str
    alt: str


Block = Paragraph | Callout | Table | Figure


@dataclass(frozen=True)
class Section:
    """A chapter of the report; `key` is its anchor."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A whole report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    authors: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = field(default=())

    @property
    def blocks(self) -> Iterator[Block]:
        """All blocks in order."""
        return (block for section in self.sections for block in section.blocks)

    @property
    def citations(self) -> list[str]:
        """Keys of the references cited, in the order of their first mention."""
        spans = (s for block in self.blocks for text in texts_of(block) for s in spans_of(text))
        return list(dict.fromkeys(s.text for s in spans if s.kind == "cite"))


def kind_of(block: Block) -> str:
    """The name of a block's type in lower case, for templates."""
    return type(block).__name__.lower()


def literal(text: object) -> str:
    """`text` with its characters protected from being read as marks."""
    return re.sub(r"([\\*`\[])", r"\\\1", str(text))


def spans_of(text: str) -> list[Span]:
    """`text` taken apart by its marks; marks do not nest."""
    spans: list[Span] = []
    end = 0
    for match in _MARK.finditer(text):
        _append(spans, "text", text[end : match.start()])
        kind = str(match.lastgroup)
        content = match[kind]
        if kind == "escaped":
            _append(spans, "text", content)
        else:
            _append(spans, kind, re.sub(r"\\([\\*`\[])", r"\1", content))
        end = match.end()
    _append(spans, "text", text[end:])
    return spans


def _append(spans: list[Span], kind: str, text: str) -> None:
    if not text:
        return
    if kind == "text" and spans and spans[-1].kind == "text":
        spans[-1] = Span("text", spans[-1].text + text)
    else:
        spans.append(Span(kind, text))


def plain(text: str) -> str:
    """`text` without marks and without citations."""
    return "".join(span.text for span in spans_of(text) if span.kind != "cite")


def texts_of(block: Block) -> Sequence[str]:
    """The texts of a block that may carry marks."""
    if isinstance(block, Table):
        return (block.caption, block.note)
    if isinstance(block, Figure):
        return (block.caption,)
    return (block.text,)
