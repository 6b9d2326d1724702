"""Fitted models on disk, without pickle: nothing in a file that a user was given is executed.

A model is a folder: `model.skops` or `weights.safetensors`, `card.json`, `tuning.tsv`. A bundle is
that folder in a zip with the context needed to score new cases. Equal models give equal bytes.
"""

import json
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256 as digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radpipe.errors import RadpipeError
from radpipe.io import files
from radpipe.io.estimators import read_estimator, write_estimator, zipped
from radpipe.io.tables import read_table, write_table
from radpipe.modelling.fitting import FittedModel

if TYPE_CHECKING:
    from radpipe.modelling.cnn import FittedCNN

SKOPS = "model.skops"
WEIGHTS = "weights.safetensors"
CARD = "card.json"
TUNING = "tuning.tsv"
CONTEXT = "context.json"
MANIFEST = "manifest.json"
MODEL_FOLDER = "model/"

TRUSTED = (
    "radpipe.modelling.pipelines.BlockUnion",
    "radpipe.modelling.predictors.PenalisedLogistic",
    "radpipe.modelling.selection.FeatureFilter",
)
"""Types of our own that a model may hold."""


@dataclass(frozen=True)
class Bundle:
    """A bundle as read.

    Attributes:
        fitted: the model.
        context: what `write_bundle` was given: preprocessing settings, cohort, versions.
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
    if card["predictor"] == "cnn3d":
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
        threshold=float(card["threshold"]),
        card=card,
        tuning=tuning,
    )


def write_bundle(directory: str | Path, path: str | Path, context: Mapping[str, Any]) -> str:
    """Put a model folder and its context into one zip file.

    Args:
        directory: written by `write_model`.
        path: the zip file.
        context: what scoring new cases needs beside the model: the settings of preprocessing and
            features, a summary of the training cohort, versions. Must be JSON.

    Returns:
        SHA-256 of the bundle; the same model and context give the same one.
    """
    directory = Path(directory)
    members = {
        MODEL_FOLDER + name: (directory / name).read_bytes()
        for name in (SKOPS, WEIGHTS, CARD, TUNING)
        if (directory / name).is_file()
    }
    members[CONTEXT] = _json_bytes(dict(context))
    members[MANIFEST] = _json_bytes({n: digest(d).hexdigest() for n, d in members.items()})
    with files.atomic(path) as part:
        part.write_bytes(zipped(members))
    return files.sha256(path)


def read_bundle(path: str | Path) -> Bundle:
    """Read a bundle and check each member against its hash.

    Raises:
        RadpipeError: the file is no bundle, is damaged, or holds a type outside `TRUSTED`.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise RadpipeError(
            "the bundle cannot be read", file=path, found=error, expected="a bundle of radpipe"
        ) from None
    _check_members(members, path)
    with tempfile.TemporaryDirectory() as folder:
        for name in (SKOPS, WEIGHTS, CARD, TUNING):
            if MODEL_FOLDER + name in members:
                (Path(folder) / name).write_bytes(members[MODEL_FOLDER + name])
        fitted = read_model(folder)
    return Bundle(fitted, json.loads(members[CONTEXT]), files.sha256(path))


def _check_members(members: Mapping[str, bytes], path: Path) -> None:
    if MANIFEST not in members or CONTEXT not in members:
        raise RadpipeError("the file is no bundle", file=path, expected=f"{MANIFEST}, {CONTEXT}")
    manifest = json.loads(members[MANIFEST])
    if set(manifest) != set(members) - {MANIFEST}:
        raise RadpipeError("the members of the bundle are not those of its manifest", file=path)
    for name, expected in manifest.items():
        found = digest(members[name]).hexdigest()
        if found != expected:
            raise RadpipeError(
                f"{name} in the bundle was changed", file=path, found=found, expected=expected
            )


def _json_bytes(content: Any) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True, default=str) + "\n").encode()
