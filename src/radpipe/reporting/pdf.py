"""The report as PDF, set by typst: a wheel with its own fonts, no system packages."""

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typst
from jinja2 import Environment, PackageLoader, StrictUndefined

from radpipe.io.files import atomic
from radpipe.reporting.document import Figure, Report, Table, kind_of, spans_of
from radpipe.reporting.references import REFERENCES
from radpipe.reporting.typesetting import TEXT_COLUMN, is_numeric, longest_line, longest_word

LARGEST_PT, SMALLEST_PT = 9.0, 6.5
"""Sizes between which the text of a table is chosen."""

_PORTRAIT_CHARACTERS = 118
"""Characters of `LARGEST_PT` that fit between the margins of an upright page."""

_PAGE_LINES = 32
"""Tables with more lines may break over pages; shorter ones are kept together."""

_TALLEST = 1.25
"""Figures taller than this times their width are fitted by height instead of width."""

_ZERO_WIDTH_SPACE = "\u200b"


@dataclass(frozen=True)
class Setting:
    """How one table is set."""

    size_pt: float
    widths: tuple[str, ...]
    aligned: tuple[str, ...]
    landscape: bool
    long: bool


def render_pdf(report: Report, path: str | Path) -> None:
    """Write `report` as PDF; equal reports give equal bytes.

    Args:
        report: its figures must lie where they say.
        path: of the PDF.

    Raises:
        FileNotFoundError: a figure is missing.
    """
    figures = [block for block in report.blocks if isinstance(block, Figure)]
    with tempfile.TemporaryDirectory() as folder:
        for i, figure in enumerate(figures):
            shutil.copyfile(figure.svg, Path(folder) / f"{i}.svg")
        source = Path(folder) / "report.typ"
        source.write_text(typst_of(report), encoding="utf-8")
        # System fonts differ from machine to machine; typst's own do not.
        document = typst.compile(str(source), root=folder, ignore_system_fonts=True)
    with atomic(path) as part:
        part.write_bytes(document)


def typst_of(report: Report) -> str:
    """The typst source of `report`; its n-th figure is called `<n>.svg`, counted from 0."""
    numbers = {key: i for i, key in enumerate(report.citations, start=1)}
    figures = [block for block in report.blocks if isinstance(block, Figure)]
    names = {figure: f"{i}.svg" for i, figure in enumerate(figures)}
    environment = Environment(
        loader=PackageLoader("radpipe.reporting"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    filters: dict[str, Callable[..., str]] = {
        "string": quoted,
        "marked": lambda text: _marked(text, numbers),
        "cell": _cell,
    }
    environment.filters.update(filters)
    environment.globals.update(
        kind=kind_of, setting=setting_of, name_of=lambda f: names[f], height_of=_height_of
    )
    references = [(REFERENCES[key], number) for key, number in numbers.items()]
    return environment.get_template("report.typ.j2").render(report=report, references=references)


def quoted(text: object) -> str:
    """A typst string: inside it no character but the backslash and the quote means anything."""
    safe = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + safe.replace("\r", " ").replace("\n", " ") + '"'


def _marked(text: str, numbers: dict[str, int]) -> str:
    """Text with marks as typst markup made of strings."""
    parts = []
    for span in spans_of(text):
        if span.kind == "cite":
            n = numbers[span.text]
            parts.append(f'#link(<ref-{n}>, "[{n}]")')
        elif span.kind == "strong":
            parts.append(f"#strong({quoted(span.text)})")
        elif span.kind == "emphasis":
            parts.append(f"#emph({quoted(span.text)})")
        elif span.kind == "name":
            parts.append(f"#raw({quoted(_breakable(span.text))})")
        else:
            parts.append(f"#{quoted(span.text)}")
    # A semicolon ends each expression, so that a following bracket is not taken as its argument.
    return "".join(f"{part};" for part in parts)


def _cell(text: str) -> str:
    return "#linebreak();".join(f"#{quoted(_breakable(line))};" for line in text.split("\n"))


def _breakable(text: str) -> str:
    """`text` with places to break after the separators of long names."""
    if all(len(word) < TEXT_COLUMN // 2 for word in text.split()):
        return text
    return re.sub(r"([_/,])(?=\S)", rf"\1{_ZERO_WIDTH_SPACE}", text)


def setting_of(table: Table) -> Setting:
    """Size, widths and orientation, so that no table runs over the margin.

    Short columns are as wide as their longest line, columns of running text share the rest. The
    text is made smaller until all fits; where the smallest size is not enough the page is turned.
    """
    columns = range(len(table.columns))
    lengths = [longest_line(table, i) for i in columns]
    running = [length > TEXT_COLUMN for length in lengths]
    needed = sum(
        max(longest_word(table, i), TEXT_COLUMN) if running[i] else lengths[i] + 2 for i in columns
    )
    size = LARGEST_PT * min(1.0, _PORTRAIT_CHARACTERS / needed)
    landscape = size < SMALLEST_PT
    if landscape:
        size = min(LARGEST_PT, size * 257 / 170)
    shares = [min(length, 3 * TEXT_COLUMN) for length in lengths]
    widths = [f"{shares[i]}fr" if running[i] else "auto" for i in columns]
    if not any(running):
        widths = [f"{length + 2}fr" for length in lengths]
    return Setting(
        size_pt=round(max(size, SMALLEST_PT - 1), 2),
        widths=tuple(widths),
        aligned=tuple("right" if is_numeric(table, i) else "left" for i in columns),
        landscape=landscape,
        long=sum(max(cell.count("\n") + 1 for cell in row) for row in table.rows) > _PAGE_LINES
        or any(running),
    )


def _height_of(figure: Figure) -> str:
    """`none` where the figure is as wide as the text, else the height it may have."""
    head = figure.svg.read_text(encoding="utf-8")[:2000]
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    if found is None or float(found[2]) <= _TALLEST * float(found[1]):
        return "none"
    return "205mm"
