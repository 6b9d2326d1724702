"""The demo cohort on disk: images, masks, case sheet and truth."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radpipe import __version__
from radpipe.errors import ConfigError
from radpipe.io.files import atomic, write_json
from radpipe.io.images import write_image
from radpipe.io.tables import write_table
from radpipe.logs import progress
from radpipe.phantoms import faults
from radpipe.phantoms.anatomy import MODALITIES, REFERENCE, Anatomy, draw_anatomy
from radpipe.phantoms.fields import generator
from radpipe.phantoms.lesions import Lesions, draw_lesions, traits_of
from radpipe.phantoms.outcomes import (
    Effect,
    auc,
    draw_clinical,
    draw_latent,
    draw_outcomes,
    draw_traits,
    large_sample_ceiling,
)
from radpipe.phantoms.scanners import (
    SCANNERS,
    Scan,
    acquire,
    draw_motion,
    draw_site,
    image_grid,
    sample,
)
from radpipe.types import DEVELOPMENT

EXTERNAL = "external"
PREFIXES = {DEVELOPMENT: "dev", EXTERNAL: "ext", faults.COHORT: "bad"}
FOLLOW_UP_EVERY = 10
"""Every tenth case is a second examination of the patient before."""

_FOLLOW_UP_GROWTH = 1.15
_OVERSAMPLING = 1.5
"""How much finer than the images the head is simulated, so that voxels hold partial volumes."""

_CONTRAST_SD = 0.03


@dataclass(frozen=True)
class CohortSpec:
    """What a demo cohort is to be; equal specs give byte-identical cohorts."""

    development: int = 40
    external: int = 16
    spacing_mm: float = 3.0
    seed: int = 2026
    effect: Effect = "signal"

    def __post_init__(self) -> None:
        """Refuse numbers that no cohort can have."""
        if self.development <= faults.DONOR:
            raise ConfigError(
                "too few development cases",
                found=self.development,
                expected=f"{faults.DONOR + 1} or more",
            )
        if self.external < 0:
            raise ConfigError("too few external cases", found=self.external, expected="0 or more")
        if not 1.0 <= self.spacing_mm <= 6.0:
            raise ConfigError(
                "a spacing at which lesions of 3 ml cannot be drawn",
                found=f"{self.spacing_mm:g} mm",
                expected="1 to 6 mm",
            )

    @classmethod
    def tiny(cls, **changes: Any) -> "CohortSpec":
        """A cohort for tests, made in seconds: 16 and 6 cases at 5 mm, unless `changes` say so."""
        return cls(**{"development": 16, "external": 6, "spacing_mm": 5.0, **changes})


@dataclass(frozen=True)
class CaseKey:
    """Which case of which cohort: its names and its patient."""

    cohort: str
    index: int

    @property
    def patient_index(self) -> int:
        """Number of the patient, counted without second examinations."""
        return self.index - (self.index + 1) // FOLLOW_UP_EVERY

    @property
    def follow_up(self) -> bool:
        """Whether this is the second examination of its patient."""
        return self.index % FOLLOW_UP_EVERY == FOLLOW_UP_EVERY - 1

    @property
    def case(self) -> str:
        """Name of the case, such as `dev001`."""
        return f"{PREFIXES[self.cohort]}{self.index + 1:03d}"

    @property
    def patient(self) -> str:
        """Name of the patient, such as `P-dev001`."""
        return f"P-{PREFIXES[self.cohort]}{self.patient_index + 1:03d}"


def make_cohort(directory: Path, spec: CohortSpec) -> Path:
    """Write the cohort of `spec` to `directory` and return the path of its case sheet.

    Files of the same names are replaced; the sheet is written last, when all else is there.
    """
    keys = [CaseKey(DEVELOPMENT, i) for i in range(spec.development)]
    keys += [CaseKey(EXTERNAL, i) for i in range(spec.external)]
    good = [_make_case(directory, key, spec) for key in progress(keys, "demo case")]
    bad = []
    for index, (fault, spoil) in enumerate(faults.FAULTS.items()):
        row = _make_case(directory, CaseKey(faults.COHORT, index), spec)
        spoil(directory, row, good[faults.DONOR])
        bad.append({**row, "fault": fault})
    rows = pd.DataFrame([*good, *bad])
    _write_truth(directory / "truth", rows, len(good), spec)
    sheet = directory / "cases.tsv"
    write_table(rows[_SHEET_COLUMNS], sheet)
    return sheet


_SHEET_COLUMNS = [
    *("case", "patient", "site", "cohort"),
    *(f"image_{modality}" for modality in MODALITIES),
    *("mask", "age", "sex", "high_grade", "grade", "burden", "time", "event"),
]
_LATENT_COLUMNS = [
    *("case", "patient", "site", "cohort", "latent", "outcome_latent", "volume_ml", "lesions"),
    *("irregularity", "contrast", "heterogeneity", "fault"),
]


def _make_case(directory: Path, key: CaseKey, spec: CohortSpec) -> dict[str, Any]:
    """Write images, mask and truth of one case; the row of the sheet with its latent values."""
    who = (spec.seed, key.cohort, key.patient_index)
    latent = draw_latent(*who, spec.effect)
    growth = _FOLLOW_UP_GROWTH if key.follow_up else 1.0
    traits = traits_of(draw_traits(*who, latent, spec.effect), growth)
    anatomy = draw_anatomy(*who, spec.spacing_mm / _OVERSAMPLING)
    lesions = draw_lesions(anatomy, traits, seed=spec.seed, patient=who[1:], case=key.index)
    site = draw_site(*who)
    files, voxels = _write_case(directory, key, spec, anatomy, lesions, site)
    return {
        "case": key.case,
        "patient": key.patient,
        "site": site,
        "cohort": DEVELOPMENT if key.cohort == faults.COHORT else key.cohort,
        **files,
        **asdict(draw_clinical(*who, latent, spec.effect)),
        **asdict(draw_outcomes(*who, latent)),
        **asdict(traits),
        "latent": latent.images,
        "outcome_latent": latent.outcomes,
        "volume_ml": voxels * spec.spacing_mm**3 / 1000.0,
        "lesions": lesions.count,
        "fault": None,
    }


def _write_case(
    directory: Path,
    key: CaseKey,
    spec: CohortSpec,
    anatomy: Anatomy,
    lesions: Lesions,
    site: str,
) -> tuple[dict[str, str], int]:
    """Scan a head; the sheet's paths and the number of voxels in the mask.

    A voxel is lesion where at least half of it is, as a reader would draw it.
    """
    scanner = SCANNERS[site]
    truth = directory / "truth"
    motion = draw_motion(spec.seed, key.cohort, key.index)
    brain = anatomy.grid.image(anatomy.brain.astype(np.float32))
    occupancy = anatomy.grid.image(lesions.mask.astype(np.float32))
    files = {}
    for modality in MODALITIES:
        rng = generator(spec.seed, key.cohort, "case", key.index, "scan", modality)
        tissue = anatomy.signal(modality, contrast=float(rng.normal(1.0, _CONTRAST_SD)))
        signal = np.where(lesions.mask, lesions.signal(modality), tissue)
        scan = acquire(
            anatomy.grid.image(signal.astype(np.float32)),
            brain,
            grid=image_grid(modality, scanner, spec.spacing_mm),
            transform=motion[modality],
            scanner=scanner,
            rng=rng,
        )
        files[f"image_{modality}"] = f"images/{key.case}/{modality}.nii.gz"
        write_image(scan.image, directory / files[f"image_{modality}"])
        _write_scan_truth(truth, key.case, modality, scan, motion[modality])
    files["mask"] = f"masks/{key.case}.nii.gz"
    grid = image_grid(REFERENCE, scanner, spec.spacing_mm)
    inside, share = sample(occupancy, brain, grid, motion[REFERENCE], 0.0)
    mask = (share >= 0.5) & inside
    for array, path in (
        (mask, directory / files["mask"]),
        (mask, truth / "masks" / f"{key.case}.nii.gz"),
        (inside, truth / "brain" / f"{key.case}.nii.gz"),
    ):
        write_image(grid.image(array.astype(np.uint8)), path)
    return files, int(mask.sum())


def _write_scan_truth(
    truth: Path, case: str, modality: str, scan: Scan, transform: sitk.Euler3DTransform
) -> None:
    write_image(scan.bias, truth / "bias" / case / f"{modality}.nii.gz")
    if modality != REFERENCE:
        with atomic(truth / "transforms" / case / f"{modality}.tfm") as part:
            sitk.WriteTransform(transform, str(part))


def _write_truth(truth: Path, rows: pd.DataFrame, good: int, spec: CohortSpec) -> None:
    """Latent values of all cases, and the ceilings over those that can be used."""
    write_table(rows[_LATENT_COLUMNS], truth / "latent.tsv")
    usable = rows.iloc[:good]
    ceilings = {
        cohort: auc(part["high_grade"].to_numpy(), part["latent"].to_numpy())
        for cohort, part in usable.groupby("cohort")
    }
    content = {
        "seed": spec.seed,
        "version": __version__,
        "spec": asdict(spec),
        "modalities": list(MODALITIES),
        "reference": REFERENCE,
        "ceiling_auc": {**ceilings, "large_sample": large_sample_ceiling(spec.effect)},
        "faults": {row["case"]: row["fault"] for _, row in rows.iloc[good:].iterrows()},
    }
    write_json(content, truth / "truth.json")
