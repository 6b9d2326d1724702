"""One new case, from its raw images to what a model is shown of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from radpipe.config import IMAGES, REFERENCE, Controls, Study
from radpipe.config.encoders import Bottleneck
from radpipe.errors import CaseError
from radpipe.features.encoders import CaseEncoder, embed, load_encoder
from radpipe.features.handcrafted import OK
from radpipe.features.table import KEYS, FeatureSettings, case_table
from radpipe.imaging.chain import prepare_case
from radpipe.io.checks import check_files
from radpipe.io.cohort import IDENTITY
from radpipe.io.images import read_image
from radpipe.io.sheet import CaseSheet
from radpipe.io.tables import read_table, write_table
from radpipe.modelling.applying_given import GivenRows
from radpipe.modelling.applying_masks import MaskDrawer
from radpipe.modelling.applying_sheet import Wanted
from radpipe.modelling.blocks import Blocks, as_categories, assemble
from radpipe.modelling.encoding import read_sources
from radpipe.segmentation.manifest import read_manifest
from radpipe.types import FINAL, CaseFiles

TABLES = "tables"
"""Folder below that of a run; it holds a folder a case."""


@dataclass
class CaseReader:
    """Whatever is needed to see a new case as a model of a bundle does.

    Every stage writes its files below `folder` and the next one reads them, as the jobs of the
    workflow do: so the numbers are those of the workflow to the last digit.

    Attributes:
        study: the settings of the study.
        wanted: what the model is shown.
        sheet: the new cases.
        folder: holds `segmenters/` and `encoders/` of the bundle.
        feature_columns: the columns of the table of features at the training.
        given: a table of features in place of images.
    """

    study: Study
    wanted: Wanted
    sheet: CaseSheet
    folder: Path
    feature_columns: list[str]
    given: GivenRows | None = None
    _encoders: dict[str, CaseEncoder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.drawer = MaskDrawer(self.study, self.folder)

    def patients(self) -> set[str]:
        """Whom the weights of segmenters and encoders have seen."""
        source = self.study.segmentation.mask_source
        drawn = self.wanted.images and source != REFERENCE
        folders = [self.folder / "encoders" / name / FINAL for name in self.wanted.encoders]
        folders += self.drawer.folders(source) if drawn else []
        manifests = [read_manifest(folder / "manifest.json") for folder in folders]
        return {str(patient) for manifest in manifests for patient in manifest["patients"]}

    def prepare(self, case: str) -> CaseFiles:
        """Prepare the images of a case and find its region.

        Raises:
            CaseError: a file is missing or cannot be used, or a stage cannot be done.
        """
        if not self.wanted.images:
            return CaseFiles(case, {})
        self._check_named(case)
        check_files(case, self.sheet, self.study)
        files = prepare_case(case, self.sheet, self.study, self.folder)
        source = self.study.segmentation.mask_source
        if source == REFERENCE:
            return files
        return CaseFiles(case, files.images, self.drawer.draw(source, files))

    def blocks(self, files: CaseFiles, categorical: tuple[str, ...]) -> tuple[Blocks, list[str]]:
        """What a tabular model is shown of a prepared case, and what went wrong on the way.

        Args:
            files: from `prepare`.
            categorical: the columns that the model takes as text.
        """
        case, wanted = files.case, self.wanted
        features, remarks = self._features(files)
        embeddings = {name: self._embedding(name, files) for name in wanted.encoders}
        columns = [c for c in (*wanted.clinical, *wanted.carried) if c not in IDENTITY]
        text = self.sheet.table.set_index("case", drop=False).loc[[case]]
        path = self.folder / TABLES / case / "clinical.tsv"
        write_table(text[[*IDENTITY, *columns]], path)
        # A network among the members of a fusion sees images, which are no columns.
        shown = assemble(
            [block for block in wanted.blocks if block != IMAGES],
            read_table(path),
            features,
            embeddings,
            wanted.clinical,
            carried=wanted.carried,
        )
        # A category such as '1' reads as a number where no other case is beside it.
        named = {c: as_categories(text[c]).to_numpy() for c in categorical if c in text}
        return Blocks(shown.table.assign(**named), shown.block_of), remarks

    def _check_named(self, case: str) -> None:
        """See that the sheet names what has to be there; a study may do without some images."""
        images = self.study.images
        needed = [images.reference] if images.missing == "zero" else images.modalities
        for modality in needed:
            self.sheet.image(case, modality)
        if self.wanted.mask and self.sheet.mask(case) is None:
            raise CaseError(
                "no mask is named",
                case=case,
                file=self.sheet.file,
                found=f"an empty cell in column '{self.sheet.mask_column}'",
                expected="the path of a drawn mask",
            )

    def _features(self, files: CaseFiles) -> tuple[pd.DataFrame | None, list[str]]:
        """The row of the table of features, with the columns that it had at the training."""
        target = self.folder / TABLES / files.case
        if self.given is not None:
            return self.given.row(files.case, target), []
        if not self.wanted.measured:
            return None, []
        settings = FeatureSettings.from_params(self._measured())
        images = {m: read_image(p or "", case=files.case) for m, p in files.images.items()}
        mask = read_image(files.mask or "", case=files.case)
        path = self.folder / "features" / f"{files.case}.parquet"
        write_table(case_table(files.case, images, mask, settings), path)
        row = read_table(path)
        status = str(row["status"].iloc[0])
        columns = ["case", *self.feature_columns]
        row = row.drop(columns=KEYS[1:]).reindex(columns=columns)
        row = row.astype(dict.fromkeys(self.feature_columns, float))
        return row, [] if status == OK else [f"features: {status}"]

    def _measured(self) -> dict[str, Any]:
        """The settings of the measurement, as a rule holds them; a score needs no controls."""
        handcrafted = self.study.features.handcrafted
        off = Controls(shuffled_voxels=False, displaced_mask=False, noise_filled=False)
        return {
            "handcrafted": handcrafted and handcrafted.model_dump(mode="json"),
            "labels": self.study.segmentation.labels,
            "seed": self.study.seed,
            "controls": off.model_dump(mode="json"),
        }

    def _embedding(self, name: str, files: CaseFiles) -> pd.DataFrame:
        settings = self.study.encoder(name)
        if name not in self._encoders:
            context = {}
            if isinstance(settings, Bottleneck):
                context = {
                    "segmenter": self.folder / "segmenters" / settings.segmenter / FINAL,
                    "labels": self.study.segmentation.labels,
                }
            self._encoders[name] = load_encoder(
                self.folder / "encoders" / name / FINAL / "weights.safetensors",
                self.study.images.prepared,
                settings,
                read_sources(context),
            )
        path = self.folder / TABLES / files.case / "embeddings" / name / f"{FINAL}.parquet"
        write_table(embed(self._encoders[name], [files], settings, threads=1), path)
        return read_table(path)
