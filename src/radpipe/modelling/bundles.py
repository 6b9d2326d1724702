"""Fitted models on disk, without pickle: nothing in a file that a user was given is executed.

A model is a folder: `model.skops` or `weights.safetensors`, `card.json`, `tuning.tsv`; a fusion
has its card and its table alone. A bundle is that folder in a zip with all that is needed to score
a new case from its raw images: the members of a fusion, what draws masks and what makes embeddings,
in the folders where a study has them, and the settings of the study. Equal models give equal bytes.
"""

import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256 as digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radpipe.config.modelling import FUSION_PREDICTORS, NETWORK_PREDICTORS
from radpipe.errors import RadpipeError
from radpipe.io import files
from radpipe.io.estimators import read_estimator, write_estimator, zipped
from radpipe.io.tables import read_table, write_table
from radpipe.modelling.cards import CARD, INNER, TUNING
from radpipe.modelling.fitting import FittedModel
from radpipe.modelling.fusion import FittedFusion, read_fusion, write_fusion
from radpipe.modelling.predictors import TRUSTED as PREDICTOR_TYPES

if TYPE_CHECKING:
    from radpipe.modelling.cnn import FittedCNN

SKOPS = "model.skops"
WEIGHTS = "weights.safetensors"
CONTEXT = "context.json"
MANIFEST = "manifest.json"
MODEL_FOLDER = "model/"
MEMBERS_FOLDER = "members/"
MODEL_FILES = (SKOPS, WEIGHTS, CARD, TUNING)

MEMBER = re.compile(
    rf"{MEMBERS_FOLDER}([A-Za-z0-9][A-Za-z0-9_]*)/({'|'.join(map(re.escape, MODEL_FILES))})"
)
"""Files of the models that a fusion joins."""

PART = re.compile(
    r"(segmenters|encoders)(/[A-Za-z0-9][A-Za-z0-9._-]*)+\.(safetensors|skops|json|yaml|tsv|npz)"
)
"""Files beside the models, and the only kinds of them: none is executed when read."""

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
        members: of a fusion, the models it joins, by name.
    """

    fitted: "FittedModel | FittedCNN | FittedFusion"
    context: dict[str, Any]
    sha256: str
    members: dict[str, "FittedModel | FittedCNN"] = field(default_factory=dict)

    @property
    def models(self) -> dict[str, "FittedModel | FittedCNN"]:
        """The models that are shown a case: the members of a fusion, or the model itself."""
        if isinstance(self.fitted, FittedFusion):
            return self.members
        return {str(self.fitted.card["name"]): self.fitted}


def write_model(fitted: "FittedModel | FittedCNN | FittedFusion", directory: str | Path) -> None:
    """Write a fitted model as a folder."""
    directory = Path(directory)
    if isinstance(fitted, FittedFusion):
        write_fusion(fitted, directory)
        return
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
    """Read a model that `write_model` wrote and that is no fusion.

    Raises:
        RadpipeError: the folder holds no model, or one with a type outside `TRUSTED`.
    """
    directory = Path(directory)
    card = _card(directory)
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


def is_fusion(directory: str | Path) -> bool:
    """Whether the model in a folder is a fusion.

    Raises:
        RadpipeError: the folder holds no model.
    """
    return _card(Path(directory))["predictor"] in FUSION_PREDICTORS


def write_bundle(
    directory: str | Path,
    path: str | Path,
    context: Mapping[str, Any],
    parts: Mapping[str, str | Path] | None = None,
    members: Mapping[str, str | Path] | None = None,
) -> str:
    """Put a model folder, its context and what it builds on into one zip file.

    Args:
        directory: written by `write_model`.
        path: the zip file.
        context: what scoring new cases needs beside files: the settings of preprocessing and
            features, a summary of the training cohort, versions. Must be JSON.
        parts: files and folders by their place in the bundle, such as
            `segmenters/unet/final/plan.yaml`.
        members: of a fusion, the folder of each model it joins.

    Returns:
        SHA-256 of the bundle; the same model, context and parts give the same one.

    Raises:
        RadpipeError: a part is of a kind that `read_bundle` would refuse.
    """
    content = _model_files(MODEL_FOLDER, Path(directory))
    for name, folder in (members or {}).items():
        content |= _model_files(f"{MEMBERS_FOLDER}{name}/", Path(folder))
    for place, source in (parts or {}).items():
        content |= _files_of(place, Path(source))
    content[CONTEXT] = _json_bytes(dict(context))
    _check_kinds(content, Path(path))
    content[MANIFEST] = _json_bytes({n: digest(d).hexdigest() for n, d in content.items()})
    with files.atomic(path) as part:
        part.write_bytes(zipped(content))
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
    with tempfile.TemporaryDirectory() as folder_of_models:
        own = Path(folder_of_models)
        for name, data in members.items():
            if name.startswith(MODEL_FOLDER) or MEMBER.fullmatch(name):
                (own / name).parent.mkdir(parents=True, exist_ok=True)
                (own / name).write_bytes(data)
        fitted, joined = _read_models(own, path)
    for name in members if folder is not None else ():
        if PART.fullmatch(name):
            with files.atomic(Path(folder or "") / name) as part:
                part.write_bytes(members[name])
    return Bundle(fitted, context, files.sha256(path), joined)


def _read_models(
    folder: Path, path: Path
) -> "tuple[FittedModel | FittedCNN | FittedFusion, dict[str, FittedModel | FittedCNN]]":
    """The model of a bundle, and the members if it is a fusion: all of them and no others."""
    model = folder / MODEL_FOLDER
    found = {p.name: p for p in sorted((folder / MEMBERS_FOLDER).glob("*"))}
    fusion = read_fusion(model) if is_fusion(model) else None
    expected = set(fusion.members) if fusion else set()
    if set(found) != expected:
        raise RadpipeError(
            "the models in the bundle are not those that it joins",
            file=path,
            found=sorted(found),
            expected=sorted(expected),
        )
    members = {name: read_model(found[name]) for name in (fusion.members if fusion else ())}
    return fusion or read_model(model), members


def _card(directory: Path) -> dict[str, Any]:
    if not (directory / CARD).is_file():
        raise RadpipeError("the folder holds no fitted model", file=directory, expected=CARD)
    card: dict[str, Any] = files.read_json(directory / CARD)
    return card


def _model_files(place: str, directory: Path) -> dict[str, bytes]:
    """The bytes of the files of a model, by their places in the bundle."""
    there = (name for name in MODEL_FILES if (directory / name).is_file())
    return {place + name: (directory / name).read_bytes() for name in there}


def _files_of(place: str, source: Path) -> dict[str, bytes]:
    """The bytes of a file, or of every file in a folder, by their places in the bundle."""
    if source.is_dir():
        # Snakemake keeps the time of a folder in a hidden file in it.
        inside = sorted(f for f in source.rglob("[!.]*") if f.is_file())
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
    kinds = (PART, MEMBER)
    strange = sorted(n for n in members if n not in own and not any(k.fullmatch(n) for k in kinds))
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
