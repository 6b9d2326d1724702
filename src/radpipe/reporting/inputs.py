"""What a report is made from: paths given by name, nothing searched for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from radpipe.errors import RadpipeError
from radpipe.io.files import read_json
from radpipe.io.layout import case_files
from radpipe.io.tables import read_table
from radpipe.types import CaseFiles

TABLES = (
    "quality",
    "segmentation",
    "segmentation_summary",
    "segmenter_comparisons",
    "uncertainty",
    "uncertainty_quality",
    "features",
    "feature_status",
    "feature_dictionary",
    "feature_warnings",
    "feature_settings",
    "stability",
    "predictions",
    "performance",
    "roc",
    "operating_points",
    "confusion",
    "agreement",
    "survival_curves",
    "survival_scores",
    "multiverse",
    "repeats",
    "subgroups",
    "selection_stability",
    "comparisons",
    "calibration",
    "decision_curve",
    "sample_size",
    "tripwires",
    "controls",
    "selection",
    "truth",
    "truth_cases",
)
"""Names a `tables` mapping may have; a study gives those it makes."""


@dataclass(frozen=True)
class ReportInputs:
    """Paths of everything that figures and report read; what a study does not make is left out.

    Attributes:
        tables: path of each table of `results/<study>/tables`, by its name without suffix.
        cases: `cohort/cases.tsv`.
        exclusions: `cohort/exclusions.tsv`.
        splits: `cohort/splits.tsv`.
        provenance: `provenance.json`.
        figures: the folder that `draw_figures` filled; needed by `build_report`, not before.
        prepared: prepared images and reference mask of each case that may be shown.
        predicted: by segmenter, the out-of-fold mask of each case.
        training: `training.tsv` of each trained network, by `<segmenter or encoder>/<fold>`.
        plans: `plan.yaml` of each planned network, likewise.
        explanations: tidy SHAP table of each model.
        lime: LIME table of each model.
        occlusion: `.npz` of occlusion maps of each model.
        reconstructions: `.npz` of each encoder with a decoder.
        reconstruction_errors: `reconstruction.tsv` likewise.
        looks: `looks.tsv` of each model that was scored on an external cohort.
    """

    tables: Mapping[str, Path] = field(default_factory=dict)
    cases: Path | None = None
    exclusions: Path | None = None
    splits: Path | None = None
    provenance: Path | None = None
    figures: Path | None = None
    prepared: Mapping[str, CaseFiles] = field(default_factory=dict)
    predicted: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    training: Mapping[str, Path] = field(default_factory=dict)
    plans: Mapping[str, Path] = field(default_factory=dict)
    explanations: Mapping[str, Path] = field(default_factory=dict)
    lime: Mapping[str, Path] = field(default_factory=dict)
    occlusion: Mapping[str, Path] = field(default_factory=dict)
    reconstructions: Mapping[str, Path] = field(default_factory=dict)
    reconstruction_errors: Mapping[str, Path] = field(default_factory=dict)
    looks: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.tables) - set(TABLES))
        if unknown:
            raise ValueError(f"the report knows no table {unknown}; known: {', '.join(TABLES)}")

    def path(self, name: str) -> Path | None:
        """Where a table lies, or None when the study does not make it."""
        if name in ("cases", "exclusions", "splits"):
            path: Path | None = getattr(self, name)
            return path
        if name not in TABLES:
            raise KeyError(f"the report knows no table '{name}'")
        return self.tables.get(name)

    def load(self, name: str) -> pd.DataFrame:
        """A table by name; without rows and columns when the study does not make it.

        Raises:
            RadpipeError: a path was given but no table can be read there.
        """
        path = self.path(name)
        return pd.DataFrame() if path is None else read_table(path)

    def load_plans(self) -> dict[str, dict[str, Any]]:
        """The content of each plan, by `<segmenter>/<fold>`.

        Raises:
            RadpipeError: a plan is no YAML mapping.
        """
        return {name: _read_plan(path) for name, path in self.plans.items()}

    def load_looks(self) -> pd.DataFrame:
        """The ledgers of all models as one: `model, look, bundle_sha256, cases_sha256, n`.

        Raises:
            RadpipeError: a path was given but no table can be read there.
        """
        ledgers = [read_table(path).assign(model=model) for model, path in self.looks.items()]
        return pd.concat(ledgers, ignore_index=True) if ledgers else pd.DataFrame()

    def load_provenance(self) -> dict[str, Any]:
        """The content of `provenance.json`, empty when not given."""
        return {} if self.provenance is None else dict(read_json(self.provenance))


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RadpipeError("the plan cannot be read", file=path, found=error) from None
    if not isinstance(content, dict):
        raise RadpipeError("the plan cannot be read", file=path, expected="a mapping")
    return content


def report_inputs(paths: Mapping[str, Any], shown: Mapping[str, Any]) -> ReportInputs:
    """The inputs as a workflow adapter has them: paths as text, folders of images.

    Args:
        paths: `tables`, `cases`, `exclusions`, `splits`, `provenance`, `figures`, `training`,
            `explanations`, `lime`, `occlusion`, named as the attributes of `ReportInputs`; a study
            without planned networks may leave out `plans`, one without encoders `reconstructions`
            and `reconstruction_errors`, one without an external cohort `looks`.
        shown: `cases` that may be shown, `drawn` (those with a reference mask), `modalities`, the
            folders `prepared` and `masks` (reference), and `predicted` by segmenter.
    """
    groups = ("tables", "training", "explanations", "lime", "occlusion")
    single = ("cases", "exclusions", "splits", "provenance", "figures")
    named: dict[str, Any] = {name: Path(paths[name]) for name in single}
    for name in ("plans", "reconstructions", "reconstruction_errors", "looks"):
        named[name] = {k: Path(v) for k, v in paths.get(name, {}).items()}
    named |= {name: {k: Path(v) for k, v in paths[name].items()} for name in groups}
    drawn = set(shown["drawn"])
    where: dict[str, Any] = {"prepared": shown["prepared"], "masks": shown["masks"]}
    # A study of a table has cases and nothing to show of them.
    pictured = shown["cases"] if shown["modalities"] else []
    files = case_files(pictured, shown["modalities"], **where)
    return ReportInputs(
        **named,
        prepared={f.case: f if f.case in drawn else replace(f, mask=None) for f in files},
        predicted={
            segmenter: {case: Path(folder) / f"{case}.nii.gz" for case in shown["cases"]}
            for segmenter, folder in shown["predicted"].items()
        },
    )
