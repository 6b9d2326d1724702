"""What a reader needs to check or to repeat the study: versions, hashes, tables."""

from collections.abc import Iterator
from typing import Any

from radpipe.reporting.context import Context
from radpipe.reporting.dictionary import COLUMNS, described
from radpipe.reporting.document import Block, Paragraph, Section, Table, literal
from radpipe.reporting.numbers import count

_HASH = 16


def reproducibility(context: Context) -> Section | None:
    """Versions of software, hashes of code and inputs."""
    record = context.inputs.load_provenance()
    if not record:
        return None
    inputs = record.get("inputs", {})
    blocks: list[Block] = [
        Paragraph(
            f"Seed {context.study.seed}. The same config, case sheet and versions give the same "
            f"tables byte for byte. {count(len(inputs), 'input file')} were hashed (SHA-256); the "
            "hashes, all settings with their defaults and the platform are in `provenance.json`."
        )
    ]
    rows = tuple(_lines(record))
    if rows:
        blocks.append(Table(("what", "value"), rows, "**Software, code and case sheet.**"))
    return Section("reproducibility", "Software and provenance", tuple(blocks))


def _lines(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, version in sorted(record.get("versions", {}).items(), key=lambda x: x[0].lower()):
        yield f"{name}", str(version)
    for name, value in record.get("platform", {}).items():
        yield f"platform: {name}", str(value)
    if "sheet_sha256" in record:
        yield "case sheet, SHA-256", str(record["sheet_sha256"])[:_HASH] + "…"
    for package, value in record.get("code", {}).items():
        yield f"code of radpipe.{package}", str(value)


def tables(context: Context) -> Section:
    """Where every table lies and what its columns mean."""
    inputs = context.inputs
    names = {name for name in ("cases", "exclusions", "splits") if inputs.path(name)}
    names |= set(inputs.tables)
    names |= {"looks"} if inputs.looks else set()
    names |= {"<model>"} if inputs.explanations else set()
    names |= {"<model>_lime"} if inputs.lime else set()
    names |= {"<model>_occlusion"} if inputs.occlusion else set()
    rows = described(names)
    used = {word.strip() for _, _, columns in rows for word in columns.split(",")}
    meanings = [(name, text) for name, text in COLUMNS.items() if name in used]
    study = literal(context.study.study)
    blocks: list[Block] = [
        Paragraph(
            f"All files lie under `results/{study}/`. Tables are tidy: one observation a row, "
            "tab-separated text or Parquet, an empty cell is missing."
        ),
        Table(("file", "holds", "columns"), tuple(rows), "**Tables of the study.**"),
    ]
    if meanings:
        blocks.append(Table(("column", "meaning"), tuple(meanings), "**Columns that recur.**"))
    return Section("tables", "Where every table lies", tuple(blocks))
