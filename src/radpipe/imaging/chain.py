"""All stages from the raw images of one case to its prepared ones, as the workflow runs them.

The workflow makes each stage a job of its own that reads what the last one wrote. Whoever prepares
a case in one go (`radpipe apply`) has to write and read in between as well: a file holds other
numbers than the memory it was written from (geometry in single precision, text in transforms).
"""

from pathlib import Path

from radpipe.config import Study
from radpipe.imaging.bias_field import correct_bias
from radpipe.imaging.fusion import fuse_images
from radpipe.imaging.importing import blank_image, import_image, import_mask
from radpipe.imaging.preparation import prepare_images, prepare_mask
from radpipe.imaging.registration import register_rigid
from radpipe.io.files import write_json
from radpipe.io.images import read_image, read_transform, write_image, write_transform
from radpipe.io.sheet import CaseSheet
from radpipe.types import CaseFiles


def prepare_case(case: str, sheet: CaseSheet, study: Study, folder: str | Path) -> CaseFiles:
    """Import, register, correct, resample and fuse one case, and its mask if the sheet names one.

    Args:
        case: name of a case of the sheet, its files checked.
        sheet: where its files lie.
        study: settings of all stages, and the seed.
        folder: gets `imported/`, `registered/`, `corrected/`, `prepared/` and `masks/reference/` in
            the layout of a study's results.

    Returns:
        The prepared images, and the drawn mask on their grid if there is one.

    Raises:
        CaseError: a stage cannot be done.
    """
    folder = Path(folder)
    _import(case, sheet, study, folder)
    moving = study.images.moving if study.registration.enabled else []
    _register(case, moving, study, folder)
    _correct(case, study, folder)
    prepared = _prepare(case, moving, study, folder)
    prepared |= _fuse(case, study, folder)
    if sheet.mask(case) is None:
        return CaseFiles(case, prepared)
    grid = read_image(prepared[study.images.reference] or "", case=case)
    imported = read_image(folder / "imported" / case / "mask.nii.gz", case=case)
    mask, quality = prepare_mask(imported, grid, study.segmentation.labels)
    target = folder / "masks" / "reference" / f"{case}.nii.gz"
    write_image(mask, target)
    write_json(quality, target.with_name(f"{case}.json"))
    return CaseFiles(case, prepared, target)


def _import(case: str, sheet: CaseSheet, study: Study, folder: Path) -> None:
    target, missing = folder / "imported" / case, sheet.missing(case)
    images, quality = {}, {}
    for modality in (m for m in sheet.modalities if m not in missing):
        source = sheet.image(case, modality)
        raw = read_image(source, case=case)
        images[modality], quality[modality] = import_image(raw, case=case, file=source)
    for modality in missing:
        images[modality], quality[modality] = blank_image(images[study.images.reference])
    for modality, image in images.items():
        write_image(image, target / f"{modality}.nii.gz")
    write_json(quality, target / "import.json")
    drawn = sheet.mask(case)
    if drawn is not None:
        raw = read_image(drawn, case=case)
        mask, _ = import_mask(raw, case=case, file=drawn, labels=study.segmentation.labels)
        write_image(mask, target / "mask.nii.gz")


def _register(case: str, moving: list[str], study: Study, folder: Path) -> None:
    source, target, quality = folder / "imported" / case, folder / "registered" / case, {}
    if not moving:
        return
    fixed = read_image(source / f"{study.images.reference}.nii.gz")
    for modality in moving:
        image = read_image(source / f"{modality}.nii.gz")
        found = register_rigid(fixed, image, study.registration, study.seed, case=case)
        quality[modality] = found.quality
        write_transform(found.transform, target / f"{modality}.tfm")
    write_json(quality, target / "registration.json")


def _correct(case: str, study: Study, folder: Path) -> None:
    quality = {}
    for modality in study.bias_correction.modalities:
        image = read_image(folder / "imported" / case / f"{modality}.nii.gz")
        corrected, quality[modality] = correct_bias(image, study.bias_correction, case=case)
        write_image(corrected, folder / "corrected" / case / f"{modality}.nii.gz")
    if quality:
        write_json(quality, folder / "corrected" / case / "bias.json")


def _prepare(case: str, moving: list[str], study: Study, folder: Path) -> dict[str, Path | None]:
    corrected = study.bias_correction.modalities
    stage = {m: "corrected" if m in corrected else "imported" for m in study.images.modalities}
    images, quality = prepare_images(
        {m: read_image(folder / s / case / f"{m}.nii.gz") for m, s in stage.items()},
        {m: read_transform(folder / "registered" / case / f"{m}.tfm") for m in moving},
        reference=study.images.reference,
        resampling=study.resampling,
        normalisation=study.normalisation,
        case=case,
    )
    target = folder / "prepared" / case
    for modality, image in images.items():
        write_image(image, target / f"{modality}.nii.gz")
    write_json(quality, target / "preparation.json")
    return {m: target / f"{m}.nii.gz" for m in study.images.modalities}


def _fuse(case: str, study: Study, folder: Path) -> dict[str, Path | None]:
    if not study.images.fused:
        return {}
    target = folder / "prepared" / case
    images, quality = fuse_images(
        {m: read_image(target / f"{m}.nii.gz") for m in study.images.modalities},
        study.images.fused,
        zero_background=study.zero_background,
    )
    for name, image in images.items():
        write_image(image, target / f"{name}.nii.gz")
    write_json(quality, target / "fusion.json")
    return {name: target / f"{name}.nii.gz" for name in images}
