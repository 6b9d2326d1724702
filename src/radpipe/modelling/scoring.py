"""From the files of a study to what a model of any kind sees of a case, and to its scores."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radpipe.features.crops import crop_case
from radpipe.io.layout import case_files
from radpipe.io.tables import read_table
from radpipe.modelling.blocks import Blocks, assemble
from radpipe.modelling.bundles import read_model
from radpipe.modelling.fitting import FittedModel
from radpipe.modelling.predictions import score_cases, score_table
from radpipe.modelling.splits import part_of

if TYPE_CHECKING:
    from radpipe.modelling.cnn import Crops, FittedCNN


@dataclass(frozen=True)
class Sources:
    """Where the blocks of a model are read from. None of it is an outcome.

    Attributes:
        clinical: `cohort/clinical.tsv`.
        columns: which of its columns are features.
        carried: which of its columns are needed beside them: batch and covariates of ComBat.
        features: the table of handcrafted features.
        embeddings: embedding tables `<encoder>/<fold>.parquet`.
        modalities: the order in which networks see the images.
        prepared: folder of prepared images.
        masks: folder of masks.
    """

    clinical: str | Path | None = None
    columns: Sequence[str] = ()
    carried: Sequence[str] = ()
    features: str | Path | None = None
    embeddings: Sequence[str | Path] = ()
    modalities: Sequence[str] = ()
    prepared: str | Path | None = None
    masks: str | Path | None = None

    def blocks(self, names: Sequence[str], fold: str) -> Blocks:
        """The named blocks of all cases, with the embeddings of one fold."""
        found = {path.parent.name: _read(path) for path in self._of_fold(fold)}
        features = None if self.features is None else _read(self.features)
        cases = _read(self.clinical) if self.clinical else pd.DataFrame()
        if found:
            # An encoder's table holds the cases of its fold, which are all that is asked for.
            known = set.intersection(*(set(table["case"].astype(str)) for table in found.values()))
            cases = cases[cases["case"].astype(str).isin(known)]
        return assemble(names, cases, features, found, self.columns, self.carried)

    def crops(self, cases: Sequence[str], crop: tuple[int, int, int]) -> "Crops":
        """What a network sees of the cases, axes (N, C, D, H, W), the mask last."""
        files = case_files(
            cases, self.modalities, prepared=self.prepared or ".", masks=self.masks or "."
        )
        return np.stack([crop_case(f, crop, list(self.modalities)) for f in files])

    def _of_fold(self, fold: str) -> list[Path]:
        return [path for path in map(Path, self.embeddings) if path.stem == fold]


@functools.lru_cache(maxsize=32)
def _read(path: str | Path) -> pd.DataFrame:
    """Read a table once, however many folds ask for it."""
    return read_table(path)


def score_fold(
    fitted: "FittedModel | FittedCNN", cases: Sequence[str], fold: str, sources: Sources
) -> pd.DataFrame:
    """Score some cases with a model of any kind: as `predictions.score_table`."""
    if isinstance(fitted, FittedModel):
        blocks = sources.blocks(fitted.card["blocks"], fold)
        return score_cases(fitted, blocks.rows(cases), fold, curve=True)
    # Imports torch, which a tabular model must not wait for.
    from radpipe.modelling.cnn import predict_cnn_scores

    crops = sources.crops(cases, tuple(fitted.card["crop"]))
    return score_table(fitted, predict_cnn_scores(fitted, crops, cases), fold)


def score_folds(
    models: str | Path, splits: pd.DataFrame, folds: Sequence[str], sources: Sources
) -> pd.DataFrame:
    """Score the test part of each fold with the model that never saw it.

    Args:
        models: folder with one model folder a fold, as `write_model` makes them.
        splits: `fold, case, part`.
        folds: names of the folds, in the order of the result.
        sources: where the blocks of the model are read from.
    """
    scores = [
        score_fold(read_model(Path(models) / fold), part_of(splits, fold, "test"), fold, sources)
        for fold in folds
    ]
    return pd.concat(scores, ignore_index=True)
