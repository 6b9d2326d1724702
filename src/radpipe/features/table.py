"""Feature tables: one small table a case, collected into one table of the cohort."""

import hashlib
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import SimpleITK as sitk

from radpipe.config import Controls, Handcrafted
from radpipe.errors import RadpipeError
from radpipe.features.controls import displaced, shuffled
from radpipe.features.dictionary import ORIGINAL, feature_columns
from radpipe.features.handcrafted import CaseFeatures, extract_features

ROI = "roi"
SHUFFLED = "shuffled"
DISPLACED = "displaced"
KEYS = ["case", "variant", "status"]
"""The columns of a case's table beside its features."""


def case_table(
    case: str,
    images: dict[str, sitk.Image],
    mask: sitk.Image,
    settings: Handcrafted,
    controls: Controls,
    seed: int,
) -> pd.DataFrame:
    """The features of one case: its region, and the negative controls that are switched on.

    Controls see the unfiltered images only; their other columns are missing.

    Args:
        case: name of the case; with `seed` it decides the random part of the controls.
        images: modality to prepared image.
        mask: integer labels on the grid of the images.
        settings: which features.
        controls: which controls.
        seed: the study's seed.

    Returns:
        `case, variant, status`, then `feature_columns(images, settings)`; variants `roi`,
        `shuffled`, `displaced`, one row each.
    """
    plain = settings.model_copy(update={"image_types": [ORIGINAL]})
    own_seed = case_seed(case, seed)
    results = {ROI: extract_features(images, mask, settings)}
    if controls.shuffled_voxels:
        results[SHUFFLED] = extract_features(shuffled(images, mask, own_seed), mask, plain)
    if controls.displaced_mask:
        elsewhere = displaced(images, mask, own_seed)
        results[DISPLACED] = (
            _no_room(images, plain)
            if elsewhere is None
            else extract_features(images, elsewhere, plain)
        )
    rows = [
        {"case": case, "variant": variant, "status": found.status, **found.values}
        for variant, found in results.items()
    ]
    return pd.DataFrame(rows)


def case_seed(case: str, seed: int) -> int:
    """A seed for one case that does not depend on which other cases there are."""
    digest = hashlib.sha256(f"{seed}/{case}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def collect_features(paths: Iterable[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the tables of the cases together, in the order of `paths`.

    One file is open at a time, and beside the result nothing is kept.

    Returns:
        The features of the regions (`case`, then the feature columns), and the controls (`case,
        variant, status`, then the columns of the unfiltered images). A column that a case lacks is
        missing there.

    Raises:
        RadpipeError: there is no file, or a case comes twice.
    """
    regions: list[pd.DataFrame] = []
    controls: list[pd.DataFrame] = []
    for table in _compact_tables(paths):
        is_region = table["variant"] == ROI
        regions.append(table[is_region])
        controls.append(table[~is_region])
    if not regions:
        raise RadpipeError("no feature tables to collect", found="0 files", expected="1 or more")
    features = pd.concat(regions, ignore_index=True).drop(columns=KEYS[1:])
    twice = features.loc[features["case"].duplicated(), "case"]
    if len(twice):
        raise RadpipeError("the features of a case come twice", case=twice.iloc[0])
    control = pd.concat(controls, ignore_index=True)
    seen = control.columns[control.notna().any() | control.columns.isin(KEYS)]
    return features, control[seen]


def collect_status(paths: Iterable[Path]) -> pd.DataFrame:
    """`case, variant, status` of every case: why values are missing, or `ok`."""
    tables = [pq.read_table(path, columns=KEYS).to_pandas() for path in paths]
    if not tables:
        raise RadpipeError("no feature tables to collect", found="0 files", expected="1 or more")
    return pd.concat(tables, ignore_index=True)


def _compact_tables(paths: Iterable[Path]) -> Iterable[pd.DataFrame]:
    """The tables of the cases, sharing one index of columns as long as it stays the same."""
    index = pd.Index([])
    for path in paths:
        with pq.ParquetFile(path) as file:
            # Columns are short: handing them to threads costs more than reading them.
            table = file.read(use_threads=False)
        names = [name for name in table.column_names if name not in KEYS]
        if names != list(index):
            index = pd.Index(names)
        matrix = np.column_stack([table.column(name).to_numpy() for name in names])
        frame = pd.DataFrame(matrix.astype(float, copy=False), columns=index)
        keys = {key: table.column(key).to_pylist() for key in KEYS}
        yield pd.concat([pd.DataFrame(keys), frame], axis=1)


def _no_room(images: dict[str, sitk.Image], settings: Handcrafted) -> CaseFeatures:
    values = dict.fromkeys(feature_columns(images, settings), math.nan)
    return CaseFeatures(values, "no room for the mask elsewhere in the images")
