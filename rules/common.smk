"""Paths and the functions that mention wildcards; everything else is Python in radpipe."""

import re

from snakemake.exceptions import WorkflowError

from radpipe.config import REFERENCE, load_study
from radpipe.errors import RadpipeError
from radpipe.io.cases import read_case_sheet
from radpipe.io.tables import read_table
from radpipe.provenance import code_hash
from radpipe.types import DEVELOPMENT, FINAL

if "study" not in config:

    configfile: "config/demo.yaml"


try:
    STUDY = load_study(config)
    SHEET = read_case_sheet(STUDY)
except RadpipeError as error:
    raise WorkflowError(str(error)) from None

RESULTS = f"results/{STUDY.study}"
REPORTS = f"reports/{STUDY.study}"
TABLES = f"{RESULTS}/tables"
MODALITIES = STUDY.images.modalities
MOVING = STUDY.images.moving if STUDY.registration.enabled else []
TABULAR = [m.name for m in STUDY.models if m.predictor != "cnn3d"]
NETWORKS = [m.name for m in STUDY.models if m.predictor == "cnn3d"]
MODELS = [m.name for m in STUDY.models]
FOLDS = STUDY.splits.outer + [FINAL]


def any_of(names):
    """A regular expression that matches one of the names and nothing else."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    case=any_of(SHEET.cases),
    modality=any_of(MODALITIES),
    segmenter=any_of(s.name for s in STUDY.segmentation.segmenters),
    encoder=any_of(e.name for e in STUDY.features.encoders),
    model=any_of(MODELS),
    fold=any_of(FOLDS),


def settings(*sections):
    """The config sections a rule uses: Snakemake re-runs the rule when one of them changes."""
    return {name: getattr(STUDY, name).model_dump(mode="json") for name in sections}


def cases_of(cohort=None):
    """The usable cases, known once check_cases has opened every image."""
    table = read_table(checkpoints.check_cases.get().output.cases)
    if cohort == DEVELOPMENT:
        table = table[table["cohort"] == DEVELOPMENT]
    elif cohort == "external":
        table = table[table["cohort"] != DEVELOPMENT]
    return list(table["case"])


def fold_cases(fold, part=None):
    """The cases of one part of a fold, or all of the fold."""
    table = read_table(checkpoints.split_cohort.get().output.splits)
    table = table[table["fold"] == fold]
    return list(table["case"] if part is None else table.loc[table["part"] == part, "case"])


def has_external():
    """Whether the sheet names a cohort beside the development one."""
    return bool((SHEET.table["cohort"] != DEVELOPMENT).any())


def images_of(cases):
    """The prepared images of some cases, modality by modality."""
    return [f"{RESULTS}/prepared/{c}/{m}.nii.gz" for c in cases for m in MODALITIES]


def reference_masks(cases):
    """The drawn masks of those cases that have one."""
    return [f"{RESULTS}/masks/{REFERENCE}/{c}.nii.gz" for c in cases if SHEET.mask(c)]


def feature_masks(cases):
    """What must exist before the masks that features are measured in can be read."""
    source = STUDY.segmentation.mask_source
    return reference_masks(cases) if source == REFERENCE else [f"{RESULTS}/masks/{source}"]


def mask_folder():
    """The folder of the masks that features are measured in."""
    return f"{RESULTS}/masks/{STUDY.segmentation.mask_source}"


def prepared_files(wildcards):
    return images_of(cases_of()) + reference_masks(cases_of())


def mask_targets(wildcards):
    names = [s.name for s in STUDY.segmentation.segmenters]
    drawn = reference_masks(cases_of())
    return drawn + ([f"{TABLES}/segmentation.tsv"] if names else [])


def feature_targets(wildcards):
    encoders = [e.name for e in STUDY.features.encoders]
    tables = [f"{TABLES}/features.parquet"] if STUDY.measures_features else []
    return tables + expand(f"{TABLES}/embeddings/{{e}}/{{f}}.parquet", e=encoders, f=FOLDS)


def model_targets(wildcards):
    return [f"{TABLES}/predictions.tsv"] + expand(f"{RESULTS}/bundles/{{m}}.zip", m=MODELS)


def embeddings_for(model, folds):
    """The embedding tables of the folds that a model's blocks need, by encoder and fold."""
    names = [e.name for e in STUDY.features.encoders if e.name in STUDY.model(model).blocks]
    return expand(f"{TABLES}/embeddings/{{e}}/{{f}}.parquet", e=names, f=folds)
