"""Fitted models on disk, without pickle: nothing in a file that a user was given is executed.

A model is a folder: `model.skops` or `weights.safetensors`, `card.json`, `tuning.tsv`. A bundle is
that folder in a zip with all that is needed to score a new case from its raw images: what draws
masks and what makes embeddings, in the folders where a study has them, and the settings of the
study. Equal models give equal bytes.
"""

import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256 as digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radpipe.config.modelling import NETWORK_PREDICTORS
from radpipe.errors import RadpipeError
from radpipe.io import files
from radpipe.io.estimators import read_estimator, write_estimator, zipped
from radpipe.io.tables import read_table, write_table
from radpipe.modelling.fitting import FittedModel
from radpipe.modelling.predictors import TRUSTED as PREDICTOR_TYPES

if TYPE_CHECKING:
    from radpipe.modelling.cnn import FittedCNN

SKOPS = "model.skops"
WEIGHTS = "weights.safetensors"
CARD = "card.json"
TUNING = "tuning.tsv"
INNER = "inner.tsv"
CONTEXT = "context.json"
MANIFEST = "manifest.json"
MODEL_FOLDER = "model/"
MODEL_FILES = (SKOPS, WEIGHTS, CARD, TUNING)

PART = re.compile(
    r"(segmenters|encoders)(/[A-Za-z0-9][A-Za-z0-9._-]*)+\.(safetensors|skops|json|yaml|tsv|npz)"
)
"""Members beside the model, and the only kinds of file: none of them is executed when read."""

TRUSTED = (
    *PREDICTOR_TYPES,
    "radpipe.modelling.averaging.AverageClassifier",
    "radpipe.modelling.averaging.AverageRegressor",
    "radpipe.modelling.averaging.AverageSurvival",
    "radpipe.modelling.harmonisation.ComBat",
    "radpipe.modelling.imputing.NearestRows",
    "radpipe.modelling.pipelines.BlockUnion",
    "radpipe.modelling.scaling.BlockScaler",
    "radpipe.modelling.scaling.RankScaler",
    "radpipe.modelling.selection.filters.FeatureFilter",
)
"""Types that a model may hold beside what `io.estimators` trusts."""


@dataclass(frozen=True)
class Bundle:
    """A bundle as read.

    Attributes:
        fitted: the model.
        context: what `write_bundle` was given: settings, training cohort, versions.
        sha256: of the file, to be recorded before any outcome of new cases is read.
    """

    fitted: "FittedModel | FittedCNN"
    context: dict[str, Any]
    sha256: str


def write_model(fitted: "FittedModel | FittedCNN", directory: str | Path) -> None:
    """Write a fitted model as a folder."""
    directory = Path(directory)
    if isinstance(fitted, FittedModel):
        write_estimator(fitted.pipeline, directory / SKOPS)
    else:
        # Imports torch, which a tabular model must not wait for.
        from radpipe.networks.weights import save_weights

        save_weights(fitted.network, directory / WEIGHTS)
    files.write_json(fitted.card, directory / CARD)
    write_table(fitted.tuning, directory / TUNING)
    if fitted.inner is not None:
        write_table(fitted.inner.rename_axis("case").reset_index(), directory / INNER)


def read_model(directory: str | Path) -> "FittedModel | FittedCNN":
    """Read a model that `write_model` wrote.

    Raises:
        RadpipeError: the folder holds no model, or one with a type outside `TRUSTED`.
    """
    directory = Path(directory)
    if not (directory / CARD).is_file():
        raise RadpipeError("the folder holds no fitted model", file=directory, expected=CARD)
    card = files.read_json(directory / CARD)
    tuning = read_table(directory / TUNING)
    if card["predictor"] in NETWORK_PREDICTORS:
        # Imports torch, which a tabular model must not wait for.
        from radpipe.modelling.cnn import restore_cnn
        from radpipe.networks.weights import load_weights

        restored = restore_cnn(card, tuning)
        load_weights(restored.network, directory / WEIGHTS)
        return restored
    return FittedModel(
        pipeline=read_estimator(directory / SKOPS, trusted=TRUSTED),
        columns=tuple(card["columns"]),
        categorical=tuple(card["categorical"]),
        threshold=float("nan") if card["threshold"] is None else float(card["threshold"]),
        card=card,
        tuning=tuning,
    )


def write_bundle(
    directory: str | Path,
    path: str | Path,
    context: Mapping[str, Any],
    parts: Mapping[str, str | Path] | None = None,
) -> str:
    """Put a model folder, its context and what it builds on into one zip file.

    Args:
        directory: written by `write_model`.
        path: the zip file.
        context: what scoring new cases needs beside files: the settings of preprocessing and
            features, a summary of the training cohort, versions. Must be JSON.
        parts: files and folders by their place in the bundle, such as
            `segmenters/unet/final/plan.yaml`.

    Returns:
        SHA-256 of the bundle; the same model, context and parts give the same one.

    Raises:
        RadpipeError: a part is of a kind that `read_bundle` would refuse.
    """
    directory = Path(directory)
    members = {
        MODEL_FOLDER + name: (directory / name).read_bytes()
        for name in MODEL_FILES
        if (directory / name).is_file()
    }
    for place, source in (parts or {}).items():
        members |= _files_of(place, Path(source))
    members[CONTEXT] = _json_bytes(dict(context))
    _check_kinds(members, Path(path))
    members[MANIFEST] = _json_bytes({n: digest(d).hexdigest() for n, d in members.items()})
    with files.atomic(path) as part:
        part.write_bytes(zipped(members))
    return files.sha256(path)


def read_bundle(path: str | Path, folder: str | Path | None = None) -> Bundle:
    """Read a bundle and check each member against its hash.

    Args:
        path: the zip file.
        folder: gets what lies in the bundle beside the model, `segmenters/` and `encoders/`, as a
            study has it; None: that is left in the bundle.

    Raises:
        RadpipeError: the file is no bundle, is damaged, was changed, or holds a kind of file or a
            type that is not loaded.
    """
    path = Path(path)
    members = _members(path)
    context = _json(members, CONTEXT, path)
    with tempfile.TemporaryDirectory() as model:
        for name in MODEL_FILES:
            if MODEL_FOLDER + name in members:
                (Path(model) / name).write_bytes(members[MODEL_FOLDER + name])
        fitted = read_model(model)
    for name in members if folder is not None else ():
        if PART.fullmatch(name):
            with files.atomic(Path(folder or "") / name) as part:
                part.write_bytes(members[name])
    return Bundle(fitted, context, files.sha256(path))


def _files_of(place: str, source: Path) -> dict[str, bytes]:
    """The bytes of a file, or of every file in a folder, by their places in the bundle."""
    if source.is_dir():
        inside = sorted(file for file in source.rglob("*") if file.is_file())
        return {f"{place}/{f.relative_to(source).as_posix()}": f.read_bytes() for f in inside}
    return {place: source.read_bytes()}


def _members(path: Path) -> dict[str, bytes]:
    """Every member of a bundle, each as its manifest says."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise RadpipeError(
            "the bundle cannot be read", file=path, found=error, expected="a bundle of radpipe"
        ) from None
    if MANIFEST not in members or CONTEXT not in members:
        raise RadpipeError("the file is no bundle", file=path, expected=f"{MANIFEST}, {CONTEXT}")
    manifest = _json(members, MANIFEST, path)
    if set(manifest) != set(members) - {MANIFEST}:
        raise RadpipeError("the members of the bundle are not those of its manifest", file=path)
    for name, expected in manifest.items():
        found = digest(members[name]).hexdigest()
        if found != expected:
            raise RadpipeError(
                f"{name} in the bundle was changed", file=path, found=found, expected=expected
            )
    _check_kinds(members, path)
    return members


def _check_kinds(members: Mapping[str, bytes], path: Path) -> None:
    """Whoever changes the manifest too cannot bring in a file of another kind, or another place."""
    own = {CONTEXT, MANIFEST, *(MODEL_FOLDER + name for name in MODEL_FILES)}
    strange = sorted(name for name in members if name not in own and not PART.fullmatch(name))
    if strange:
        raise RadpipeError(
            "the bundle holds a file of a kind that is not loaded",
            file=path,
            found=strange[0],
            expected="safetensors, skops and plain text below segmenters/ or encoders/",
        )


def _json(members: Mapping[str, bytes], name: str, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(members[name])
    except ValueError as error:
        raise RadpipeError(f"{name} in the bundle is no JSON", file=path, found=error) from None
    if not isinstance(content, dict):
        raise RadpipeError(f"{name} in the bundle is no mapping", file=path)
    return content


def _json_bytes(content: Any) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True, default=str) + "\n").encode()
