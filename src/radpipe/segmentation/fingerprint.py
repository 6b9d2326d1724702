"""What a planner knows of the cases it plans for: sizes, spacings, intensities, labels.

Every number comes from the cases that are given, and those are the training part of one fold: a
plan made from all cases would have looked at the ones it is judged on.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from pydantic import Field
from scipy import ndimage

from radpipe.config import Section
from radpipe.errors import CaseError, FitError
from radpipe.io import images
from radpipe.segmentation.loading import read_classes
from radpipe.types import CaseFiles, Labels, SpacingZYX, Vector

SAMPLES = 10_000
"""Labelled voxels of each case whose intensities are kept: bounds memory for large masks."""

TOUCHING = np.ones((3, 3, 3), bool)
"""Voxels that touch by a face, an edge or a corner are one component, as when masks are cleaned."""

Triple = tuple[float, float, float]


class Percentiles(Section):
    """How a quantity spreads over the cases."""

    smallest: float
    p10: float
    median: float
    p90: float
    largest: float


class LabelFacts(Section):
    """One label in the cases that have it."""

    cases: int = Field(description="training cases in which the label is drawn")
    voxels: Percentiles | None = Field(description="size in voxels")
    volume_ml: Percentiles | None = Field(description="size in ml")
    box_mm: Triple | None = Field(description="median extent of its bounding box, z y x")
    components: Percentiles | None = Field(description="separate pieces")
    largest_share: Percentiles | None = Field(
        description="of the label's voxels, those in its largest piece"
    )


class Intensities(Section):
    """Values of one modality inside the labels, all cases together."""

    mean: float
    sd: float
    low: float = Field(description="0.5th percentile")
    high: float = Field(description="99.5th percentile")


class CaseFacts(Section):
    """The grid of one case and the box around all its labels."""

    size: tuple[int, int, int] = Field(description="voxels, z y x")
    spacing_mm: Triple = Field(description="z y x")
    box: tuple[int, int, int] | None = Field(description="extent of all labels, voxels, z y x")
    missing: list[str] = Field(description="modalities the case does not have")


class Fingerprint(Section):
    """The training part of a fold in numbers; all triples are z, y, x."""

    cases: dict[str, CaseFacts]
    modalities: list[str]
    missing: dict[str, int] = Field(description="cases without a modality")
    size: Triple = Field(description="median, voxels")
    largest_size: tuple[int, int, int] = Field(description="largest along each axis, voxels")
    spacing_mm: Triple = Field(description="median")
    finest_mm: Triple = Field(description="10th percentile of the spacing along each axis")
    one_spacing: bool = Field(description="whether all cases have the same voxels, within 1 %")
    anisotropy: float = Field(description="coarsest through finest median spacing")
    extent_mm: Triple = Field(description="median box around all labels")
    labelled_share: float = Field(description="median share of the voxels that have a label")
    labels: dict[str, LabelFacts]
    intensities: dict[str, Intensities | None] = Field(
        description="none: no labelled voxel of any case has the modality"
    )

    @property
    def smallest_label_ml(self) -> float | None:
        """Median volume of the smallest label; none if nothing is drawn."""
        return min((n.volume_ml.median for n in self.labels.values() if n.volume_ml), default=None)

    def summary(self) -> dict[str, Any]:
        """All but the single cases, their number instead: what stands in a plan."""
        content = self.model_dump(mode="json")
        return content | {"cases": len(self.cases)}


@dataclass(frozen=True)
class _Measured:
    """One case as it was read, before the cases are put together."""

    facts: CaseFacts
    labels: dict[str, dict[str, Any]]
    samples: dict[str, Vector]
    labelled_share: float


def fingerprint(cases: list[CaseFiles], labels: dict[str, int]) -> Fingerprint:
    """Measure the training cases of a fold, one after the other.

    Args:
        cases: the training part, each with a mask; an image may be missing (none).
        labels: name and value in the mask of each label.

    Returns:
        The same for the same files: nothing is drawn at random.

    Raises:
        FitError: no cases, or no labelled voxel in any of them.
        CaseError: a file cannot be read, or an image is not on the grid of the mask.
    """
    if not cases:
        raise FitError("a segmenter cannot be planned without cases", found="0 cases")
    measured = {files.case: _measure(files, labels) for files in cases}
    if not any(case.facts.box for case in measured.values()):
        raise FitError(
            "no training case has a labelled voxel", expected=f"values {list(labels.values())}"
        )
    return _together(measured, list(cases[0].images), list(labels))


def _measure(files: CaseFiles, labels: dict[str, int]) -> _Measured:
    """Read one case: its images one at a time, its mask once."""
    present = {name: path for name, path in files.images.items() if path is not None}
    if not present:
        raise CaseError("the case has no image at all", case=files.case)
    first = next(iter(present))
    grid = images.read_image(present[first], case=files.case)
    classes = read_classes(files, grid, labels)
    spacing = images.spacing_zyx(grid)
    where = np.flatnonzero(classes)
    # Evenly spaced, not drawn: the same voxels each time.
    chosen = where[:: max(1, -(-len(where) // SAMPLES))]
    samples = {}
    for name, path in present.items():
        values = images.array_of(grid if name == first else _read(files.case, path, grid))
        # An image of zeros stands for one that is missing.
        if values.any():
            samples[name] = values.ravel()[chosen]
    return _Measured(
        facts=CaseFacts(
            size=_triple(classes.shape),
            spacing_mm=_triple([round(s, 5) for s in spacing]),
            box=_box(classes > 0),
            missing=[name for name in files.images if name not in samples],
        ),
        labels={
            name: _label(classes == value, spacing)
            for value, name in enumerate(sorted(labels, key=lambda n: labels[n]), start=1)
        },
        samples=samples,
        labelled_share=len(where) / classes.size,
    )


def _read(case: str, path: Path, grid: sitk.Image) -> sitk.Image:
    image = images.read_image(path, case=case)
    if image.GetSize() != grid.GetSize():
        raise CaseError(
            "the image is not on the grid of the first modality",
            case=case,
            file=path,
            found=image.GetSize(),
            expected=grid.GetSize(),
        )
    return image


def _label(drawn: np.ndarray, spacing_mm: SpacingZYX) -> dict[str, Any]:
    """Size, extent and pieces of one label in one case; nothing where it is not drawn."""
    box = ndimage.find_objects(drawn.astype(np.uint8))
    if not box:
        return {}
    inside: Labels = drawn[box[0]]
    pieces, count = ndimage.label(inside, TOUCHING)
    sizes = np.bincount(pieces.ravel())[1:]
    voxels = int(sizes.sum())
    return {
        "voxels": voxels,
        "volume_ml": voxels * float(np.prod(spacing_mm)) / 1000,
        "box_mm": [n * s for n, s in zip(inside.shape, spacing_mm, strict=True)],
        "components": int(count),
        "largest_share": float(sizes.max()) / voxels,
    }


def _box(drawn: np.ndarray) -> tuple[int, int, int] | None:
    """Extent of the box around a region, none where there is no region."""
    found = ndimage.find_objects(drawn.astype(np.uint8))
    return _triple([s.stop - s.start for s in found[0]]) if found else None


def _together(
    measured: dict[str, _Measured], modalities: list[str], labels: list[str]
) -> Fingerprint:
    """Put the cases together."""
    facts = {case: one.facts for case, one in measured.items()}
    sizes = np.array([one.size for one in facts.values()])
    spacings = np.array([one.spacing_mm for one in facts.values()])
    extents = np.array(
        [np.multiply(one.box, one.spacing_mm) for one in facts.values() if one.box is not None]
    )
    median = np.median(spacings, axis=0)
    return Fingerprint(
        cases=facts,
        modalities=modalities,
        missing={m: sum(m in one.missing for one in facts.values()) for m in modalities},
        size=_triple(np.median(sizes, axis=0)),
        largest_size=_triple(sizes.max(axis=0)),
        spacing_mm=_triple(_rounded(median)),
        finest_mm=_triple(_rounded(np.percentile(spacings, 10, axis=0))),
        one_spacing=bool(np.all(np.abs(spacings / median - 1) <= 0.01)),
        anisotropy=_short(float(median.max() / median.min())),
        extent_mm=_triple(_rounded(np.median(extents, axis=0))),
        labelled_share=_short(float(np.median([m.labelled_share for m in measured.values()]))),
        labels={name: _label_facts([m.labels[name] for m in measured.values()]) for name in labels},
        intensities={
            name: _intensities([m.samples[name] for m in measured.values() if name in m.samples])
            for name in modalities
        },
    )


def _label_facts(cases: list[dict[str, Any]]) -> LabelFacts:
    drawn = [case for case in cases if case]
    return LabelFacts(
        cases=len(drawn),
        voxels=_percentiles([case["voxels"] for case in drawn]),
        volume_ml=_percentiles([case["volume_ml"] for case in drawn]),
        box_mm=(
            _triple(_rounded(np.median([case["box_mm"] for case in drawn], axis=0)))
            if drawn
            else None
        ),
        components=_percentiles([case["components"] for case in drawn]),
        largest_share=_percentiles([case["largest_share"] for case in drawn]),
    )


def _percentiles(values: list[float]) -> Percentiles | None:
    if not values:
        return None
    low, p10, middle, p90, high = np.percentile(values, [0, 10, 50, 90, 100])
    return Percentiles(
        smallest=_short(low),
        p10=_short(p10),
        median=_short(middle),
        p90=_short(p90),
        largest=_short(high),
    )


def _intensities(samples: list[Vector]) -> Intensities | None:
    values = np.concatenate([np.zeros(0), *samples])
    if not len(values):
        return None
    low, high = np.percentile(values, [0.5, 99.5])
    return Intensities(
        mean=_short(values.mean()), sd=_short(values.std()), low=_short(low), high=_short(high)
    )


def _rounded(values: np.ndarray) -> list[float]:
    return [_short(value) for value in values]


def _short(value: float) -> float:
    """Six significant digits: what a person can read, the same on every machine."""
    return float(f"{float(value):.6g}")


def _triple(values: Any) -> Any:
    """Three numbers as a tuple of Python's own."""
    return tuple(np.asarray(values).tolist())
