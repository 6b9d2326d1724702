"""radpipe: settings, includes, targets. The rules are in rules/, the work is in src/radpipe/."""

from snakemake.utils import min_version

min_version("9.0")


include: "rules/paths.smk"
include: "rules/common.smk"
include: "rules/segmenters.smk"
include: "rules/encoders.smk"
include: "rules/scoring.smk"
include: "rules/targets.smk"
include: "rules/cohort.smk"
include: "rules/images.smk"
include: "rules/preparation.smk"
include: "rules/segmentation.smk"
include: "rules/masks.smk"
include: "rules/given.smk" if STUDY.features.table else "rules/features.smk"
include: "rules/embeddings.smk"
include: "rules/stability.smk"
include: "rules/modelling.smk"
include: "rules/fusion.smk"
include: "rules/bundles.smk"
include: "rules/selection.smk"
include: "rules/evaluation.smk"
include: "rules/explanation.smk"
include: "rules/report.smk"


# The default is the rule behind the target `report`: Snakemake never calls a target without output
# done, for it keeps the reason it had before the checkpoints were known.
workflow.default_target = "render_report"


localrules:
    report,
    prepare,
    masks,
    features,
    models,


rule report:
    input:
        f"{REPORTS}/report.html",
        f"{REPORTS}/report.pdf",


rule prepare:
    input:
        prepared_files,


rule masks:
    input:
        mask_targets,


rule features:
    input:
        feature_targets,


rule models:
    input:
        model_targets,
