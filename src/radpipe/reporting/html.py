"""The report as one HTML file that needs no network: styles and figures lie inside."""

import base64
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from radpipe.io.files import write_text
from radpipe.reporting.document import Figure, Report, Table, kind_of, plain, spans_of
from radpipe.reporting.references import REFERENCES
from radpipe.reporting.typesetting import TEXT_COLUMN, is_kept_whole, is_numeric

_TAGS = {"strong": "strong", "emphasis": "em", "name": "code"}


def render_html(report: Report, path: str | Path) -> None:
    """Write `report` as a self-contained HTML page; equal reports give equal bytes.

    Args:
        report: its figures must lie where they say.
        path: of the page.

    Raises:
        FileNotFoundError: a figure is missing.
    """
    write_text(html_of(report), path)


def html_of(report: Report) -> str:
    """The page as text."""
    numbers = {key: i for i, key in enumerate(report.citations, start=1)}
    environment = Environment(
        loader=PackageLoader("radpipe.reporting"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["marked"] = lambda text: _marked(text, numbers)
    environment.filters["plain"] = plain
    environment.filters["lines"] = _lines
    environment.globals.update(kind=kind_of, data_uri=_data_uri, class_of=_class_of)
    template = environment.get_template("report.html.j2")
    style, _, _ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr]
    references = [(REFERENCES[key], number) for key, number in numbers.items()]
    return template.render(report=report, style=Markup(style), references=references)


def _marked(text: str, numbers: dict[str, int]) -> Markup:
    """Text with marks as HTML; everything a user wrote is escaped."""
    parts = []
    for span in spans_of(text):
        if span.kind == "cite":
            n = numbers[span.text]
            parts.append(Markup('<a class="cite" href="#ref-{0}">[{0}]</a>').format(n))
        elif span.kind in _TAGS:
            tag = _TAGS[span.kind]
            parts.append(Markup("<{0}>{1}</{0}>").format(Markup(tag), span.text))
        else:
            parts.append(escape(span.text))
    return Markup("").join(parts)


def _lines(text: str) -> Markup:
    """A cell: its line breaks are kept, and long lines may break after separators in names."""
    return Markup("<br>").join(_breakable(line) for line in text.split("\n"))


def _breakable(line: str) -> Markup:
    pieces = line.split("_") if len(line) > TEXT_COLUMN else [line]
    return Markup("_<wbr>").join(escape(piece) for piece in pieces)


def _class_of(table: Table, column: int) -> str:
    """`n` for numbers, `w` for short text that stays whole beside running text."""
    classes = "n" * is_numeric(table, column), "w" * is_kept_whole(table, column)
    return " ".join(filter(None, classes))


def _data_uri(figure: Figure) -> str:
    # As an image, not inline: the ids inside several SVGs of one page would clash.
    content = base64.b64encode(figure.svg.read_bytes()).decode()
    return f"data:image/svg+xml;base64,{content}"
