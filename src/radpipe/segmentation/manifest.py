"""Whom a segmenter saw: written beside its weights, asked before its masks judge a model.

Guardrail G05: the mask of a case that a model is judged on comes from weights that never saw the
patient. What a manifest does not say counts as seen.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from radpipe.config import Start
from radpipe.errors import FitError, RadpipeError
from radpipe.io import files

Manifest = dict[str, Any]
"""`weights_sha256`, `cases` and `patients` of the training, `settings`, `start`."""


def write_manifest(
    path: str | Path,
    *,
    weights: str,
    cases: pd.DataFrame,
    settings: BaseModel,
    start: Start | None = None,
) -> None:
    """Write what a network was trained on, with all that the weights it started from had seen.

    Args:
        path: JSON file to write.
        weights: SHA-256 of the weights, as `save_weights` gives it.
        cases: rows of the training part, with columns `case` and `patient`.
        settings: the network's section of the config, or its plan.
        start: the weights that training went on from, if it did.

    Raises:
        FitError: nobody knows whom the weights it started from had seen.
    """
    manifest: Manifest = {
        "weights_sha256": weights,
        "cases": set(cases["case"].astype(str)),
        "patients": set(cases["patient"].astype(str)),
        "settings": settings.model_dump(mode="json"),
    }
    if start is not None:
        before = start_manifest(start)
        for key in ("cases", "patients"):
            manifest[key] |= set(before.get(key, []))
        manifest["start"] = {"weights_sha256": before["weights_sha256"], "vouched": start.unseen}
    for key in ("cases", "patients"):
        manifest[key] = sorted(manifest[key])
    files.write_json(manifest, path)


def start_manifest(start: Start) -> Manifest:
    """Whom given weights saw: the `manifest.json` beside them, or nobody if the user vouches.

    A manifest that is there counts, whatever the user says.

    Raises:
        FitError: there are no such weights, the manifest is not theirs or not complete, or there
            is none and nobody vouches.
    """
    weights = start.weights
    if not weights.is_file():
        raise FitError("the weights to start from do not exist", file=weights)
    path = weights.with_name("manifest.json")
    if path.is_file():
        return read_manifest(path, weights)
    if not start.unseen:
        raise FitError(
            "nobody knows whom the weights to start from have seen, so every patient counts as "
            "seen",
            file=weights,
            expected=f"{path.name} beside them",
            hint="set start.unseen: true if they surely saw no patient of this study",
        )
    return {"weights_sha256": files.sha256(weights), "cases": [], "patients": []}


def check_start(start: Start, patients: Iterable[str]) -> None:
    """See, before a training, that the weights it starts from never saw a patient of the test part.

    Args:
        start: the weights.
        patients: those whose masks will be drawn.

    Raises:
        FitError: a patient was seen, or nobody knows.
    """
    manifest = start_manifest(start)
    if manifest["patients"]:
        check_unseen(manifest, patients, file=start.weights)


def join_manifests(manifests: Iterable[Mapping[str, Any]]) -> Manifest:
    """The manifest of several weights that draw a mask together: an ensemble, a cascade.

    Whoever one of them saw was seen. Its `weights_sha256` is that of the one, or a SHA-256 of all.

    Raises:
        FitError: one of them does not say whom it saw, or there is none.
    """
    members = list(manifests)
    for manifest in members:
        _check_complete(manifest)
    if not members:
        raise FitError("a mask is drawn by nothing", found="0 manifests", expected="1 or more")
    hashes = sorted({str(manifest["weights_sha256"]) for manifest in members})
    joined = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    return {
        "weights_sha256": hashes[0] if len(hashes) == 1 else joined,
        "cases": sorted({case for manifest in members for case in manifest.get("cases", [])}),
        "patients": sorted({name for manifest in members for name in manifest["patients"]}),
    }


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


def check_unseen(
    manifest: Mapping[str, Any], patients: Iterable[str], *, file: str | Path | None = None
) -> None:
    """See that weights never saw any of `patients`; `file` names them in the message.

    Raises:
        FitError: a patient was trained on, or the manifest does not say whom it was trained on.
    """
    _check_complete(manifest)
    seen = sorted(set(map(str, patients)) & set(manifest["patients"]))
    if seen:
        raise FitError(
            "the weights were trained on a patient whose mask they would draw",
            file=file,
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
        manifests: for each fold that is used (repeat 1 and `final`) its manifest; where several
            weights draw together, that of `join_manifests`.

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
