"""A fitted classical method as a folder, without pickle.

`classical.json` holds what was learned and the SHA-256 of the other files, so that its own hash
stands for all of them; `tuning.tsv` what was tried; `estimator.skops` a voxel classifier;
`atlases.npz` the training cases of an atlas. Equal methods give equal bytes.

An atlas is patient data: the folder holds images of training cases.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from radpipe.errors import RadpipeError
from radpipe.io import files, images
from radpipe.io.estimators import read_estimator, write_estimator
from radpipe.io.tables import read_table, write_arrays, write_table
from radpipe.segmentation.classical.fitted import Atlas, FittedClassical

CARD = "classical.json"
TUNING = "tuning.tsv"
ESTIMATOR = "estimator.skops"
ATLASES = "atlases.npz"


def save_classical(fitted: FittedClassical, folder: str | Path) -> str:
    """Write a fitted method.

    Returns:
        SHA-256 of `classical.json`, which holds those of the other files.
    """
    folder = Path(folder)
    write_table(fitted.tuning, folder / TUNING)
    written = [TUNING]
    if fitted.estimator is not None:
        write_estimator(fitted.estimator, folder / ESTIMATOR)
        written.append(ESTIMATOR)
    if fitted.atlases:
        write_arrays(_arrays(fitted.atlases), folder / ATLASES)
        written.append(ATLASES)
    card = {
        "method": fitted.method,
        "modalities": list(fitted.modalities),
        "labels": fitted.labels,
        "parameters": fitted.parameters,
        "cases": list(fitted.cases),
        "files": {name: files.sha256(folder / name) for name in written},
    }
    files.write_json(card, folder / CARD)
    return files.sha256(folder / CARD)


def load_classical(folder: str | Path) -> FittedClassical:
    """Read what `save_classical` wrote.

    Raises:
        RadpipeError: the folder holds no fitted method, or a file in it was changed.
    """
    folder = Path(folder)
    if not (folder / CARD).is_file():
        raise RadpipeError("the folder holds no classical segmenter", file=folder, expected=CARD)
    card = files.read_json(folder / CARD)
    for name, expected in card["files"].items():
        _check_unchanged(folder / name, expected)
    has = card["files"]
    return FittedClassical(
        method=card["method"],
        modalities=tuple(card["modalities"]),
        labels=card["labels"],
        parameters=card["parameters"],
        cases=tuple(card["cases"]),
        tuning=read_table(folder / TUNING),
        estimator=read_estimator(folder / ESTIMATOR) if ESTIMATOR in has else None,
        atlases=_read_atlases(folder / ATLASES) if ATLASES in has else (),
    )


def _check_unchanged(path: Path, expected: str) -> None:
    if not path.is_file():
        raise RadpipeError("a file of the classical segmenter is missing", file=path)
    found = files.sha256(path)
    if found != expected:
        raise RadpipeError(
            "a file of the classical segmenter was changed",
            file=path,
            found=found,
            expected=expected,
        )


def _arrays(atlases: tuple[Atlas, ...]) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for number, atlas in enumerate(atlases):
        image = atlas.image
        place = [*image.GetSpacing(), *image.GetOrigin(), *image.GetDirection()]
        arrays[f"image_{number:04d}"] = images.array_of(image)
        arrays[f"classes_{number:04d}"] = images.labels_of(atlas.classes)
        arrays[f"place_{number:04d}"] = np.array(place, np.float64)
    return arrays


def _read_atlases(path: Path) -> tuple[Atlas, ...]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RadpipeError("the atlases cannot be read", file=path, found=error) from None
    count = len(arrays) // 3
    return tuple(
        Atlas(
            _placed(arrays[f"image_{n:04d}"], arrays[f"place_{n:04d}"]),
            _placed(arrays[f"classes_{n:04d}"], arrays[f"place_{n:04d}"]),
        )
        for n in range(count)
    )


def _placed(values: np.ndarray, place: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(place[:3].tolist())
    image.SetOrigin(place[3:6].tolist())
    image.SetDirection(place[6:].tolist())
    return image
