"""Whom a segmenter saw: written beside its weights, asked before its masks judge a model.

Guardrail G05: the mask of a case that a model is judged on comes from weights that never saw the
patient. What a manifest does not say counts as seen.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from radpipe.errors import FitError, RadpipeError
from radpipe.io import files

Manifest = dict[str, Any]
"""`weights_sha256`, `cases` and `patients` of the training, `settings`."""


def write_manifest(
    path: str | Path, *, weights: str, cases: pd.DataFrame, settings: BaseModel
) -> None:
    """Write what a network was trained on.

    Args:
        path: JSON file to write.
        weights: SHA-256 of the weights, as `save_weights` gives it.
        cases: rows of the training part, with columns `case` and `patient`.
        settings: the network's section of the config.
    """
    manifest: Manifest = {
        "weights_sha256": weights,
        "cases": sorted(cases["case"].astype(str)),
        "patients": sorted(set(cases["patient"].astype(str))),
        "settings": settings.model_dump(mode="json"),
    }
    files.write_json(manifest, path)


def read_manifest(path: str | Path, weights: str | Path | None = None) -> Manifest:
    """Read a manifest; with `weights`, see that it is of that file.

    Raises:
        FitError: it does not name the patients, or it is the manifest of other weights.
    """
    manifest: Manifest = files.read_json(path)
    _check_complete(manifest, path)
    if weights is not None:
        found = files.sha256(weights)
        if found != manifest["weights_sha256"]:
            raise FitError(
                "the manifest is not of these weights, so nobody knows whom they saw",
                file=weights,
                found=found,
                expected=manifest["weights_sha256"],
                hint="train the segmenter again",
            )
    return manifest


def check_unseen(manifest: Mapping[str, Any], patients: Iterable[str]) -> None:
    """See that weights never saw any of `patients`.

    Raises:
        FitError: a patient was trained on, or the manifest does not say whom it was trained on.
    """
    _check_complete(manifest)
    seen = sorted(set(map(str, patients)) & set(manifest["patients"]))
    if seen:
        raise FitError(
            "the weights were trained on a patient whose mask they would draw",
            found=", ".join(seen),
            expected="patients outside the training part of the fold",
        )


def mask_manifest(
    cases: pd.DataFrame, splits: pd.DataFrame, manifests: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Which weights draw the mask of each case: those of the fold in whose test part it is.

    Args:
        cases: columns `case` and `patient`.
        splits: columns `fold, case, part`.
        manifests: for each fold that is used (repeat 1 and `final`) its manifest.

    Returns:
        `case, fold, weights_sha256, seen`, in the order of `cases`; `seen` is false in every row.

    Raises:
        FitError: a patient was seen by the weights that draw the mask, a manifest does not say
            whom it saw, or a case has no fold or several.
    """
    patients = cases.set_index("case")["patient"].astype(str)
    tested = splits[(splits["part"] == "test") & splits["fold"].isin(list(manifests))]
    tested = tested[tested["case"].isin(patients.index)]
    for fold, part in tested.groupby("fold"):
        check_unseen(manifests[str(fold)], patients[part["case"]])
    counts = tested["case"].value_counts().reindex(patients.index, fill_value=0)
    for case, count in counts[counts != 1].items():
        raise FitError(
            "the case has no single out-of-fold mask",
            case=str(case),
            found=f"{count} folds of {', '.join(manifests)}",
            expected="one fold with the case in its test part",
        )
    fold_of = tested.set_index("case")["fold"].reindex(patients.index)
    return pd.DataFrame(
        {
            "case": patients.index,
            "fold": fold_of.to_numpy(),
            "weights_sha256": [manifests[fold]["weights_sha256"] for fold in fold_of],
            "seen": False,
        }
    )


def _check_complete(manifest: Mapping[str, Any], path: str | Path | None = None) -> None:
    if not isinstance(manifest, Mapping):
        raise RadpipeError("the manifest is no mapping", file=path, found=type(manifest).__name__)
    for key in ("weights_sha256", "patients"):
        if not manifest.get(key):
            raise FitError(
                f"the manifest does not name the {key} of the training, so every patient counts "
                "as seen",
                file=path,
                hint="train the segmenter again",
            )
