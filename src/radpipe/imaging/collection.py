"""The quality numbers of all cases and stages in one tidy table."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from radpipe.io.files import read_json

COLUMNS = ("case", "stage", "modality", "measure", "value")


def collect_quality(stages: Mapping[str, Mapping[str, str | Path]]) -> pd.DataFrame:
    """Read the JSON files that the image stages wrote.

    Args:
        stages: by stage, the file of each case.

    Returns:
        `case, stage, modality, measure, value`.
    """
    tables = [
        tidy(case, stage, read_json(path))
        for stage, paths in stages.items()
        for case, path in paths.items()
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def tidy(case: str, stage: str, content: Mapping[str, Any]) -> pd.DataFrame:
    """The QC of one case and stage as rows of `tables/quality.tsv`.

    Args:
        case: the case.
        stage: the rule that measured.
        content: what a step reported: `{modality: {measure: number}}`. Numbers beside the
            modalities belong to the case (modality is empty), deeper mappings join their names
            with `_`, three numbers become `_x`, `_y`, `_z`; texts are left out.

    Returns:
        Columns `case, stage, modality, measure, value`.
    """
    rows = []
    for key, entry in content.items():
        modality, measures = (key, entry) if isinstance(entry, Mapping) else ("", {key: entry})
        for measure, value in _numbers(measures):
            rows.append((case, stage, modality, measure, value))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _numbers(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{name}_")
        elif isinstance(value, list | tuple) and len(value) == 3:
            yield from _numbers(dict(zip("xyz", value, strict=True)), f"{name}_")
        elif isinstance(value, bool | int | float) and math.isfinite(value):
            yield name, float(value)
