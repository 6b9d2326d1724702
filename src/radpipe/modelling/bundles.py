"""Fitted models on disk, without pickle: nothing in a file that a user was given is executed.

A model is a folder: `model.skops` or `weights.safetensors`, `card.json`, `tuning.tsv`. A bundle is
that folder in a zip with the context needed to score new cases. Equal models give equal bytes.
"""

import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256 as digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radpipe.errors import RadpipeError
from radpipe.io import files
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
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold: a real one would make equal bundles differ."""

TRUSTED = (
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    "radpipe.modelling.pipelines.BlockUnion",
    "radpipe.modelling.predictors.PenalisedLogistic",
    "radpipe.modelling.selection.FeatureFilter",
)
"""All that a model may hold beside what skops itself trusts of scikit-learn and numpy."""


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
        data = _same_bytes(_skops().dumps(fitted.pipeline))
        with files.atomic(directory / SKOPS) as part:
            part.write_bytes(data)
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
        pipeline=_read_skops(directory / SKOPS),
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
        part.write_bytes(_zipped(members))
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


def _read_skops(path: Path) -> Any:
    skops = _skops()
    try:
        return skops.load(path, trusted=list(TRUSTED))
    except skops.exceptions.UntrustedTypesFoundException as error:
        raise RadpipeError(
            "the model holds types that are not trusted; it was not loaded",
            file=path,
            found=error,
            expected="a model written by radpipe",
        ) from None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise RadpipeError("the model cannot be read", file=path, found=error) from None


def _skops() -> Any:
    """The module `skops.io`, without the torch that it would bring along.

    It walks through all of scikit-learn to list its types, and one corner of that imports torch: a
    second that each of the many jobs with a tabular model would wait for.
    """
    blocked = "torch" not in sys.modules
    if blocked:
        sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        import skops.io
        import skops.io.exceptions
    finally:
        if blocked:
            del sys.modules["torch"]
    return skops.io


def _same_bytes(data: bytes) -> bytes:
    """A skops archive without memory addresses and times, so that equal models are equal bytes.

    skops names objects and array files by `id()`; they are renumbered in the order of the schema.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop("schema.json"))
    numbers: dict[Any, int] = {}
    names: dict[str, str] = {}
    pending = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += reversed(node)
        elif isinstance(node, dict):
            if "__id__" in node:
                node["__id__"] = numbers.setdefault(node["__id__"], len(numbers))
            if node.get("file") in members:
                old = node["file"]
                node["file"] = names.setdefault(old, f"{len(names)}{Path(old).suffix}")
            pending += reversed(node.values())
    renamed = {new: members[old] for old, new in names.items()}
    # Keys stay in their order: that of the blocks decides the order of the columns.
    return _zipped({**renamed, "schema.json": json.dumps(schema).encode()})


def _json_bytes(content: Any) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True, default=str) + "\n").encode()


def _zipped(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, members[name])
    return stream.getvalue()
