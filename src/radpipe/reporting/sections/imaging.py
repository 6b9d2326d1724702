"""Images: their quality, their registration, overlays of the masks."""

import pandas as pd

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Section, Table
from radpipe.reporting.numbers import significant

_QUALITY_SHOWN = (
    *("translation_mm", "rotation_deg", "improved", "coverage"),
    *("snr", "cnr", "noise_sd", "field_sd", "cv_before", "cv_after"),
)


def quality(context: Context) -> Section | None:
    """Image quality and registration by modality, and images with outlines."""
    table = context.table("quality")
    overlays = context.figures("overlays")
    if table.empty and not overlays:
        return None
    blocks: list[Block] = []
    if len(table):
        blocks += context.figures("quality")
        summary = _quality_table(table)
        blocks += [summary] if summary.rows else []
    return Section("images", "Images and their quality", (*blocks, *overlays))


def _quality_table(table: pd.DataFrame) -> Table:
    shown = table[table["measure"].isin(_QUALITY_SHOWN)]
    values = pd.to_numeric(shown["value"], errors="coerce")
    rows = []
    for keys, part in values.groupby(
        [shown["stage"], shown["modality"].fillna(""), shown["measure"]], sort=False
    ):
        known = part.dropna()
        ends = [significant(x) for x in (known.median(), known.min(), known.max())]
        rows.append((*(str(key) for key in keys), *ends, str(len(known))))
    return Table(
        ("stage", "modality", "measure", "median", "lowest", "highest", "cases"),
        tuple(rows),
        "**Image quality over cases.** All measures of every case are in `quality.tsv`.",
    )
