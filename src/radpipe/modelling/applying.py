"""New cases scored with a frozen bundle, one after the other, from raw images to a number.

No outcome is read and nothing is fitted (guardrail G16). A case is prepared, drawn, measured and
scored by itself, so that its score cannot depend on which others are scored with it (G03).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from radpipe.errors import CaseError, ConfigError, RadpipeError
from radpipe.features.dictionary import VOLUME_COLUMN
from radpipe.io.checks import without_case
from radpipe.io.tables import read_table, write_table
from radpipe.logs import progress
from radpipe.modelling.applying_case import TABLES, CaseReader
from radpipe.modelling.applying_given import GivenRows
from radpipe.modelling.applying_sheet import Wanted, read_new_cases, study_of, wanted_of
from radpipe.modelling.applying_summary import case_warnings, version_warnings
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.bundles import Bundle, read_bundle
from radpipe.modelling.cnn import FittedCNN
from radpipe.modelling.fitting import FittedModel
from radpipe.modelling.fusion import FittedFusion, fuse_fold
from radpipe.modelling.predictions import score_cases
from radpipe.modelling.rows import typed
from radpipe.modelling.scoring import Sources, score_fold
from radpipe.types import FINAL, CaseFiles

SCORED = "ok"
"""Status of a case that has a score."""

FIRST = ["case", "status"]
LAST = ["bundle_sha256", "warnings"]


@dataclass(frozen=True)
class Applied:
    """What became of the new cases.

    Attributes:
        table: `case, status`, the columns of `predictions.score_table`, `called` (binary: 1 at or
            above the threshold), `bundle_sha256, warnings`; without a score, `status` says why.
        warnings: what is to be said of the bundle as a whole.
    """

    table: pd.DataFrame
    warnings: list[str]

    @property
    def scored(self) -> int:
        """How many cases have a score."""
        return int((self.table["status"] == SCORED).sum())


def apply_bundle(
    bundle: str | Path,
    cases: str | Path,
    folder: str | Path,
    *,
    features: str | Path | None = None,
    versions: Mapping[str, str] | None = None,
) -> Applied:
    """Score every case of a sheet.

    Args:
        bundle: the zip file.
        cases: a case sheet; it needs no outcome.
        folder: gets the files of all stages, in the layout of a study's results.
        features: a table of features, for a study that was made from one.
        versions: of the libraries here, to be compared with those of the bundle.

    Raises:
        RadpipeError: the bundle or the sheet cannot be used, or a table of features is wanted and
            not given. What is wrong with a single case stands in the table instead.
    """
    # As in the jobs of the workflow: sums of floats depend on the number of threads.
    torch.set_num_threads(1)
    folder = Path(folder)
    read = read_bundle(bundle, folder)
    study = study_of(read.context, Path(cases))
    blocks = [block for model in read.models.values() for block in model.card["blocks"]]
    wanted = wanted_of(list(dict.fromkeys(blocks)), read.context, study)
    sheet = read_new_cases(Path(cases), study, wanted)
    columns = list(read.context.get("summary", {}).get("feature_columns", []))
    given = _given(features, wanted, study.features.volume, columns)
    reader = CaseReader(study, wanted, sheet, folder, columns, given)
    scorer = _Scorer(read, reader)
    tables = [scorer.score(case) for case in progress(sheet.cases, "cases scored")]
    made = read.context.get("versions", {})
    return Applied(_joined(tables, read), version_warnings(made, versions or {}))


class _Scorer:
    """Scores cases one by one, and says in what each is unlike the training."""

    def __init__(self, bundle: Bundle, reader: CaseReader) -> None:
        self.bundle = bundle
        self.reader = reader
        self.seen = {str(p) for p in bundle.fitted.card["training_patients"]}
        self.seen |= reader.patients()
        tabular = [m for m in bundle.models.values() if isinstance(m, FittedModel)]
        self.tabular = bool(tabular)
        self.categorical = tuple(dict.fromkeys(c for m in tabular for c in m.categorical))

    def score(self, case: str) -> pd.DataFrame:
        """One row: the score of a case, or why there is none."""
        try:
            return self._scored(case)
        except CaseError as error:
            status = without_case(error, self.reader.sheet.root)
        except RadpipeError as error:
            status = str(error)
        except RuntimeError as error:
            # What ITK and torch raise where an image is not what they can work with.
            status = f"unexpected: {' '.join(str(error).split())}"
        return pd.DataFrame({"case": [case], "status": [status]})

    def _scored(self, case: str) -> pd.DataFrame:
        files = self.reader.prepare(case)
        blocks, remarks = None, list[str]()
        if self.tabular:
            blocks, remarks = self.reader.blocks(files, self.categorical)
        tables, warnings = {}, list[str]()
        for name, model in self.bundle.models.items():
            tables[name], row = self._of_model(model, files, blocks)
            warnings += self._warnings(case, name, row)
        table = self._joined(case, tables)
        if self.bundle.fitted.card.get("kind", "binary") == "binary":
            table["called"] = (table["y_prob"] >= table["threshold"]).astype("Int64")
        said = "; ".join(dict.fromkeys([*self._known(case), *warnings, *remarks]))
        return table.assign(status=SCORED, warnings=said)

    def _of_model(
        self, model: FittedModel | FittedCNN, files: CaseFiles, blocks: Blocks | None
    ) -> tuple[pd.DataFrame, pd.Series]:
        """What one model says of a case, and the columns that it reads; none of a network."""
        if isinstance(model, FittedModel) and blocks is not None:
            read = typed(blocks.table[list(model.columns)], model.categorical).iloc[0]
            return score_cases(model, blocks, FINAL, curve=True), read
        masks = None if files.mask is None else files.mask.parent
        modalities = model.card.get("modalities") or self.reader.study.images.prepared
        prepared = self.reader.folder / "prepared"
        seen = Sources(modalities=modalities, prepared=prepared, masks=masks)
        return score_fold(model, [files.case], FINAL, seen), pd.Series(dtype=object)

    def _joined(self, case: str, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
        """The score of the model, or of what a fusion makes of those of its members."""
        fusion = self.bundle.fitted
        if not isinstance(fusion, FittedFusion):
            return next(iter(tables.values()))
        paths = [self.reader.folder / TABLES / case / "scores" / f"{m}.tsv" for m in tables]
        for path, table in zip(paths, tables.values(), strict=True):
            write_table(table, path)
        return fuse_fold(fusion, FINAL, [read_table(path) for path in paths])

    def _known(self, case: str) -> list[str]:
        """A warning if the patient of a case was in the training."""
        patient = self.reader.sheet.value(case, "patient")
        if patient not in self.seen:
            return []
        return [f"patient '{patient}' was in the training: no score of a new case"]

    def _warnings(self, case: str, model: str, row: pd.Series) -> list[str]:
        """In what a case is unlike the training of one model."""
        context = self.bundle.context
        own = context.get("members", {}).get(model, context)
        card = self.bundle.models[model].card
        site = self.reader.sheet.value(case, "site")
        return case_warnings(row, card, own.get("summary", {}), site=site)


def _given(
    features: str | Path | None, wanted: Wanted, volume: str | None, columns: Sequence[str]
) -> GivenRows | None:
    """The table of features, where the study was made from one."""
    if wanted.given and features is None:
        raise ConfigError(
            "the model was fitted on a table of features",
            hint="name that of the new cases with --features",
        )
    if features is not None and not wanted.given:
        raise ConfigError(
            "the model was not fitted on a table of features",
            found=f"--features {features}",
            expected=f"its blocks {', '.join(wanted.blocks)} from the case sheet and its images",
        )
    if features is None:
        return None
    used = columns if "handcrafted" in wanted.blocks else [VOLUME_COLUMN]
    return GivenRows(Path(features), volume, used)


def _joined(tables: Sequence[pd.DataFrame], bundle: Bundle) -> pd.DataFrame:
    """All rows under one header, those without a score as well."""
    table = pd.concat(tables, ignore_index=True)
    table["model"], table["fold"] = str(bundle.fitted.card["name"]), FINAL
    table["bundle_sha256"] = bundle.sha256
    table["warnings"] = table["warnings"].fillna("") if "warnings" in table else ""
    between = [c for c in table.columns if c not in (*FIRST, *LAST)]
    return table[[*FIRST, *between, *LAST]]
