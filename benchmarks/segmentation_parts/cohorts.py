"""Cohorts as a study would prepare them, their folds, and the scores of masks drawn of them."""

import runpy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from radpipe.config import Splits, Study, load_study
from radpipe.imaging.importing import import_image, import_mask
from radpipe.imaging.preparation import prepare_images, prepare_mask
from radpipe.io.cases import CaseSheet, read_case_sheet
from radpipe.io.images import read_image, write_image
from radpipe.io.layout import case_files
from radpipe.io.tables import write_table
from radpipe.modelling.splits import fold_table
from radpipe.segmentation.restoring import restore_mask
from radpipe.segmentation.scoring import MaskPair, score_segmentation
from radpipe.types import CaseFiles
from segmentation_parts.options import ROOT, SEED, Options


@dataclass(frozen=True)
class Cohort:
    """Prepared cases, and the folds they are split in.

    Attributes:
        name: of the study that says how images are prepared.
        modalities: in the order in which a network sees them.
        labels: name and value in the masks.
        tolerances_mm: of the surface Dice.
        normalised: whether all images are prepared with a common scale.
        folder: has `imported/` (as they came), `prepared/`, `masks/` on the prepared grid, and
            `native/`, the drawn masks on the original one.
        splits: `fold, case, part`.
        cases: `case, patient, cohort`.
    """

    name: str
    modalities: list[str]
    labels: dict[str, int]
    tolerances_mm: list[float]
    normalised: bool
    folder: Path
    splits: pd.DataFrame
    cases: pd.DataFrame

    @property
    def folds(self) -> list[str]:
        """Names of the folds."""
        return list(self.splits["fold"].unique())

    def part(self, fold: str, part: str) -> list[str]:
        """The cases of one part of a fold."""
        rows = self.splits[(self.splits["fold"] == fold) & (self.splits["part"] == part)]
        return list(rows["case"])

    def files(self, fold: str, part: str) -> list[CaseFiles]:
        """Prepared images of one part of a fold; masks of the training part only."""
        masks = self.folder / "masks" if part == "train" else None
        prepared = self.folder / "prepared"
        return case_files(self.part(fold, part), self.modalities, prepared=prepared, masks=masks)

    def patients(self, fold: str) -> list[str]:
        """The patient of each training case."""
        patient = self.cases.set_index("case")["patient"]
        return [str(patient[case]) for case in self.part(fold, "train")]

    def native(self, case: str) -> Path:
        """The drawn mask on the grid of the original image."""
        return self.folder / "native" / f"{case}.nii.gz"

    def score(self, masks: Path, fold: str, segmenter: str) -> pd.DataFrame:
        """Masks of the test part, on the prepared grid, brought to the original one and scored."""
        pairs = []
        for case in self.part(fold, "test"):
            drawn = self.native(case)
            restored = masks.with_name(f"{masks.name}_native") / drawn.name
            mask = read_image(masks / drawn.name, case=case)
            write_image(restore_mask(mask, read_image(drawn, case=case)), restored)
            pairs.append(MaskPair(case, fold, segmenter, restored, drawn))
        return score_segmentation(pairs, self.labels, self.tolerances_mm)


def make_cohort(name: str, options: Options, *, folds: int) -> Cohort:
    """Prepare the cases of a study that are not prepared yet, and split them.

    Args:
        name: `hippocampus` or `sts`: a config and a tool that writes its case sheet.
        options: where the data and the results are, and how many cases are used.
        folds: of the patients, drawn from the seed.
    """
    folder = options.work / name
    study, sheet = _study(name, options.data, folder)
    cases = sheet.cases[: options.cases]
    for case in cases:
        if not (folder / "native" / f"{case}.nii.gz").is_file():
            _prepare(case, sheet, study, folder)
    patients = [sheet.value(case, "patient") for case in cases]
    targets = pd.DataFrame({"patient": patients, "y": 0.0}, index=pd.Index(cases, name="case"))
    splits = fold_table(targets.sort_index(), Splits(folds=folds), SEED, stratified=False)
    return Cohort(
        name=name,
        modalities=list(study.images.modalities),
        labels=study.segmentation.labels,
        tolerances_mm=study.segmentation.tolerance_mm,
        normalised=all(study.normalisation.method_of(m) != "none" for m in study.images.modalities),
        folder=folder,
        splits=splits,
        cases=pd.DataFrame({"case": cases, "patient": patients, "cohort": "development"}),
    )


def _study(name: str, data: Path, folder: Path) -> tuple[Study, CaseSheet]:
    """The study of a config, with a case sheet of the data at hand."""
    source = {"hippocampus": "msd_hippocampus", "sts": "sts_subset"}[name]
    sheet = folder / "cases.tsv"
    # A script of workflow/tools, which is no package.
    tool = runpy.run_path(str(ROOT / "workflow" / "tools" / f"make_{name}_sheet.py"))
    write_table(tool["case_sheet"](data / source), sheet)
    settings = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    study = load_study(settings | {"cases": str(sheet)})
    return study, read_case_sheet(study)


def _prepare(case: str, sheet: CaseSheet, study: Study, folder: Path) -> None:
    """From the files of a case to its prepared images; the drawn mask last: then it is done."""
    imported = {}
    for modality in study.images.modalities:
        file = sheet.image(case, modality)
        imported[modality], _ = import_image(read_image(file, case=case), case=case, file=file)
    reference, labels = study.images.reference, study.segmentation.labels
    prepared, _ = prepare_images(
        imported,
        {},
        reference=reference,
        resampling=study.resampling,
        normalisation=study.normalisation,
        case=case,
    )
    path = sheet.mask(case)
    assert path is not None
    drawn, _ = import_mask(read_image(path, case=case), case=case, file=path, labels=labels)
    mask, _ = prepare_mask(drawn, prepared[reference], labels)
    _write(imported.items(), folder / "imported" / case)
    _write(prepared.items(), folder / "prepared" / case)
    write_image(mask, folder / "masks" / f"{case}.nii.gz")
    write_image(drawn, folder / "native" / f"{case}.nii.gz")


def _write(images: Iterable, folder: Path) -> None:
    for name, image in images:
        write_image(image, folder / f"{name}.nii.gz")
