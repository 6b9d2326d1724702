"""The out-of-fold masks of a segmenter, gathered from its folds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radpipe.io import files, images
from radpipe.io.tables import read_table, write_table
from radpipe.segmentation.manifest import Manifest, mask_manifest
from radpipe.segmentation.members import ENTROPY, MASKS
from radpipe.segmentation.restoring import restore_mask
from radpipe.segmentation.scoring import NATIVE


@dataclass(frozen=True)
class FoldFolder:
    """What a segmenter made in one fold.

    Attributes:
        folder: holds `masks/`, and of a segmenter that tells its doubts `entropy/` and
            `uncertainty.tsv`.
        manifest: whom its weights saw, all of them joined.
    """

    folder: Path
    manifest: Manifest


def collect_masks(
    cases: pd.DataFrame,
    splits: pd.DataFrame,
    folds: Mapping[str, FoldFolder],
    *,
    native: Mapping[str, Path],
    target: Path,
) -> None:
    """Write one out-of-fold mask a case, on the prepared grid and on its original one.

    Args:
        cases: columns `case` and `patient`.
        splits: columns `fold, case, part`.
        folds: what each fold made.
        native: of each case the imported image whose grid the mask is brought back to.
        target: folder that gets `<case>.nii.gz`, `native/`, `entropy/`, `training/<fold>.json`
            (whom the weights of a fold saw), `manifest.tsv` and `uncertainty.tsv`.

    Raises:
        FitError: the weights that drew a mask saw its patient.
    """
    manifest = mask_manifest(cases, splits, {fold: f.manifest for fold, f in folds.items()})
    for fold, of_fold in folds.items():
        files.write_json(of_fold.manifest, target / "training" / f"{fold}.json")
    for case, fold in zip(manifest["case"], manifest["fold"], strict=True):
        name, folder = f"{case}.nii.gz", folds[fold].folder
        files.copy_file(folder / MASKS / name, target / name)
        mask = images.read_image(target / name, case=case)
        restored = restore_mask(mask, images.read_image(native[case], case=case))
        images.write_image(restored, target / NATIVE / name)
        if (folder / ENTROPY / name).exists():
            files.copy_file(folder / ENTROPY / name, target / ENTROPY / name)
    write_table(manifest, target / "manifest.tsv")
    write_table(_doubts(manifest, folds), target / "uncertainty.tsv")


def pooled_uncertainty(folders: Mapping[str, Path]) -> pd.DataFrame:
    """The uncertainty of all segmenters, from what `collect_masks` wrote of each.

    Args:
        folders: of each segmenter the folder of its masks.

    Returns:
        `segmenter, case, fold, label, expected_dice, …`
    """
    tables = [read_table(folder / "uncertainty.tsv") for folder in folders.values()]
    named = [t.assign(segmenter=name) for name, t in zip(folders, tables, strict=True)]
    table = pd.concat([t for t in named if len(t)] or named, ignore_index=True)
    return table[["segmenter", *(c for c in table if c != "segmenter")]]


def _doubts(manifest: pd.DataFrame, folds: Mapping[str, FoldFolder]) -> pd.DataFrame:
    """`case, fold, label, expected_dice, …`; no rows of a segmenter that does not tell them."""
    tables = []
    for fold, of_fold in folds.items():
        table = of_fold.folder / "uncertainty.tsv"
        if table.exists():
            tables.append(read_table(table).assign(fold=fold))
    if not tables:
        return pd.DataFrame(columns=["case", "fold", "label", "expected_dice"])
    return manifest[["case", "fold"]].merge(pd.concat(tables), on=["case", "fold"])
