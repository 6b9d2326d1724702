"""Every image and mask is opened once before the study begins; what cannot be used is set aside."""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radpipe.config import Study
from radpipe.errors import CaseError
from radpipe.io.cases import CaseSheet, check_cohort, row_faults, stopping_error
from radpipe.io.completeness import check_complete, count_nonfinite
from radpipe.io.images import read_image
from radpipe.io.volumes import check_image, check_mask, check_same_grid, not_finite
from radpipe.logs import progress
from radpipe.types import Exclusion

STAGE = "check_cases"


@dataclass(frozen=True)
class _Finding:
    """What opening the files of one case showed."""

    fault: str | None
    fingerprints: dict[str, str] = field(default_factory=dict)


def check_cases(
    sheet: CaseSheet, study: Study, *, threads: int = 1
) -> tuple[pd.DataFrame, list[Exclusion]]:
    """Open every image and mask of a sheet and tell usable cases from unusable ones.

    Found are: empty cells that are needed, missing, truncated and undecodable files, images that
    are not 3-D, not finite or constant, masks on another grid, with unknown or fractional labels,
    empty or too small, and images whose voxels are those of another patient's.

    Args:
        sheet: the case sheet.
        study: settings; `on_bad_case` says whether a fault stops the run.
        threads: cases opened at a time; each holds one image in memory.

    Returns:
        The rows that can be used, and the others with their reasons, in the order of the sheet.

    Raises:
        CaseError: a fault, if `on_bad_case` is `stop`; or the cases left have one class only or
            fewer patients than folds.
    """
    faults = {fault.case: fault.reason for fault in row_faults(sheet, study)}
    sound = [case for case in sheet.cases if case not in faults]
    with ThreadPoolExecutor(max_workers=threads) as pool:
        results = pool.map(lambda case: _open_case(case, sheet, study), sound)
        findings = dict(zip(progress(sound, "cases checked"), results, strict=True))
    faults |= {case: finding.fault for case, finding in findings.items() if finding.fault}
    faults |= _duplicates(findings, sheet)
    exclusions = [Exclusion(case, STAGE, faults[case]) for case in sheet.cases if case in faults]
    if exclusions and study.on_bad_case == "stop":
        raise stopping_error(exclusions, sheet.file)
    usable = sheet.without(faults)
    check_cohort(usable, study)
    return usable.table, exclusions


def _open_case(case: str, sheet: CaseSheet, study: Study) -> _Finding:
    try:
        return _Finding(None, check_files(case, sheet, study))
    except CaseError as error:
        return _Finding(without_case(error, sheet.root))


def check_files(case: str, sheet: CaseSheet, study: Study) -> dict[str, str]:
    """Check the files of a case one after the other; fingerprint of each modality's voxels.

    Raises:
        CaseError: a file cannot be used.
    """
    fingerprints = {}
    mask_file = sheet.mask(case)
    missing = sheet.missing(case)
    for modality in (m for m in sheet.modalities if m not in missing):
        file = sheet.image(case, modality)
        image = _read_whole(file, "image", case)
        check_image(image, case=case, file=file)
        fingerprints[modality] = _fingerprint(image)
        if mask_file is not None and modality == study.images.reference:
            mask = _read_whole(mask_file, "mask", case)
            check_mask(mask, study.segmentation.labels, case=case, file=mask_file)
            check_same_grid(mask, image, case=case, file=mask_file)
            _check_survives(mask, study.resampling.spacing_mm, case, mask_file)
    return fingerprints


def _read_whole(file: Path, what: str, case: str) -> sitk.Image:
    check_complete(file, case=case)
    bad, voxels = count_nonfinite(file)
    if bad:
        raise not_finite(bad, voxels, what, case, file)
    return read_image(file, case=case)


def _check_survives(
    mask: sitk.Image, spacing_mm: tuple[float, float, float] | None, case: str, file: Path
) -> None:
    """A region smaller than one voxel of the prepared grid would vanish there."""
    if spacing_mm is None:
        return
    volume = np.count_nonzero(sitk.GetArrayViewFromImage(mask)) * np.prod(mask.GetSpacing())
    voxel = float(np.prod(spacing_mm))
    if volume < voxel:
        raise CaseError(
            "the mask is smaller than one voxel of the prepared images",
            case=case,
            file=file,
            found=f"{volume:.3g} mm3",
            expected=f"at least {voxel:.3g} mm3, as resampling.spacing_mm says",
        )


def _duplicates(findings: Mapping[str, _Finding], sheet: CaseSheet) -> dict[str, str]:
    """Of two patients with the same voxels the later case is set aside, modality regardless."""
    patients = dict(zip(sheet.table["case"], sheet.table["patient"], strict=True))
    first: dict[str, str] = {}
    faults: dict[str, str] = {}
    for case, finding in findings.items():
        if finding.fault:
            continue
        for modality, fingerprint in finding.fingerprints.items():
            other = first.get(fingerprint)
            if other is not None and patients[other] != patients[case]:
                faults[case] = CaseError(
                    f"the image of {modality} is a copy of an image of another patient",
                    file=sheet.value(case, f"image_{modality}"),
                    found=f"the voxels of case '{other}', patient '{patients[other]}'",
                    expected="images of one patient only",
                ).sentence()
                break
        else:
            first |= {f: case for f in finding.fingerprints.values() if f not in first}
    return faults


def _fingerprint(image: sitk.Image) -> str:
    """Hash of size and values; geometry and number type do not make a copy another image."""
    values = np.ascontiguousarray(sitk.GetArrayViewFromImage(image), dtype=np.float32)
    return hashlib.sha256(str(values.shape).encode() + values.tobytes()).hexdigest()


def without_case(error: CaseError, root: Path) -> str:
    """The sentence for a table that names the case: the file as in the sheet, on any machine."""
    file = None if error.file is None else Path(error.file)
    if file is not None and file.is_relative_to(root):
        file = file.relative_to(root)
    return CaseError(
        error.problem, file=file, found=error.found, expected=error.expected, hint=error.hint
    ).sentence()
