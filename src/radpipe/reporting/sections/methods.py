"""The methods text, written from the settings that were used."""

from radpipe.config import Encoder, Handcrafted, Model
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section, Table, literal
from radpipe.reporting.numbers import count, listing, percent
from radpipe.reporting.sections.segmenters import masks

_PREDICTORS = {
    "logistic": "penalised logistic regression",
    "elastic_net": "logistic regression with elastic net penalty [@zou2005]",
    "random_forest": "random forest [@breiman2001]",
    "cnn3d": "a small 3-D convolutional network on a crop around the region",
}


def methods(context: Context) -> Section:
    """What was done, step by step, with the settings of this study."""
    steps = [_preparation(context), masks(context)]
    if context.study.outcome is not None:
        steps += [_features(context), _resampling(context), _modelling(context)]
        steps += [_statistics(context)]
    else:
        steps += [_resampling(context)]
    steps.append(
        "**Workflow.** The study ran under Snakemake [@molder2021] from one config file and one "
        "case sheet. The report follows TRIPOD+AI [@collins2024] in its words; it does not "
        "replace the completed checklist."
    )
    blocks: list[Block] = [Paragraph(step) for step in steps if step]
    if context.study.models:
        blocks.append(_model_table(context))
    return Section("methods", "Methods", tuple(blocks))


def _preparation(context: Context) -> str:
    study = context.study
    parts = ["**Image preparation** used SimpleITK [@lowekamp2013]."]
    moving = [f"`{m}`" for m in study.images.moving]
    settings = study.registration
    if moving and settings.enabled:
        levels = ", ".join(str(s) for s in settings.shrink)
        parts.append(
            f"{listing(moving)} {'was' if len(moving) == 1 else 'were'} aligned rigidly to "
            f"`{study.images.reference}` by Mattes mutual information [@mattes2003] "
            f"({settings.bins} bins, {100 * settings.sampling:g} % of the voxels, shrink factors "
            f"{levels}, at most {settings.iterations} iterations a level)."
        )
    elif moving:
        parts.append(f"{listing(moving)} and `{study.images.reference}` were taken as aligned.")
    bias = study.bias_correction
    if bias.modalities:
        names = listing([f"`{m}`" for m in bias.modalities])
        parts.append(
            f"The bias field of {names} was corrected by N4 [@tustison2010] "
            f"(shrink factor {bias.shrink})."
        )
    for method, words in (
        ("zscore", "scaled to mean 0 and standard deviation 1 over non-zero voxels"),
        ("none", "left in their own units"),
    ):
        scaled = [
            f"`{m}`" for m in study.images.modalities if study.normalisation.method_of(m) == method
        ]
        parts += [f"Intensities of {listing(scaled)} were {words}."] if scaled else []
    spacing = study.resampling.spacing_mm
    grid = (
        "kept the grid of the reference"
        if spacing is None
        else (f"were brought to voxels of {' × '.join(f'{s:g}' for s in spacing)} mm")
    )
    parts.append(
        f"Images {grid}, in one {study.resampling.interpolation} interpolation from the "
        "imported voxels."
    )
    return " ".join(parts)


def _features(context: Context) -> str:
    features = context.study.features
    parts = ["**Features.**"]
    if features.handcrafted is not None:
        parts.append(_handcrafted(features.handcrafted))
    parts += [_encoder(e) for e in features.encoders]
    if features.clinical:
        names = listing([f"`{literal(c)}`" for c in features.clinical])
        parts.append(f"Clinical columns: {names}.")
    return " ".join(parts) if len(parts) > 1 else ""


def _handcrafted(settings: Handcrafted) -> str:
    binning = (
        f"{settings.bin_count} bins"
        if settings.bin_width is None
        else (f"bins of width {settings.bin_width}")
    )
    filters = {
        "original": "original",
        "wavelet": "wavelet",
        "log": "Laplacian of Gaussian (sigma "
        + ", ".join(f"{s:g}" for s in settings.log_sigma_mm)
        + " mm)",
    }
    kinds = listing([filters[kind] for kind in settings.image_types])
    return (
        f"Handcrafted features came from pyradiomics [@griethuysen2017] on {kinds} images with "
        f"{binning}; names and definitions follow IBSI where pyradiomics does [@zwanenburg2020]."
    )


def _encoder(settings: Encoder) -> str:
    crop = " × ".join(str(v) for v in settings.crop)
    return (
        f"`{settings.name}` is a 3-D autoencoder [@hinton2006] of a crop of {crop} voxels, "
        f"trained anew in each fold for {settings.steps} steps; its bottleneck of "
        f"{settings.latent} numbers is the embedding."
    )


def _resampling(context: Context) -> str:
    splits = context.study.splits
    repeats = f", {splits.repeats} times" if splits.repeats > 1 else ""
    text = (
        f"**Resampling.** {count(splits.folds, 'outer fold')}{repeats}, grouped by patient"
        + (" and stratified by outcome" if context.study.outcome else "")
        + f", seed {context.study.seed}."
    )
    if context.study.models:
        text += (
            f" Settings and thresholds were chosen in {splits.inner_folds} inner folds of each "
            "training part."
        )
    if context.external:
        text += " External cases were scored once by the refit on all development cases."
    return text


def _modelling(context: Context) -> str:
    if not context.study.models:
        return ""
    kinds = list(dict.fromkeys(model.predictor for model in context.study.models))
    return (
        f"**Models** were {listing([_PREDICTORS[kind] for kind in kinds])}, fitted with "
        "scikit-learn [@pedregosa2011] and PyTorch. Missing values were imputed, numbers scaled "
        "and features selected inside the training part only."
    )


def _statistics(context: Context) -> str:
    settings = context.study.evaluation
    primary = context.study.primary
    named = "named in the config" if settings.primary else "by default the last one listed"
    text = (
        f"**Statistics.** Intervals have a confidence of {percent(settings.confidence)}. "
        f"AUCs have DeLong intervals, with patients as clusters where they have several cases "
        f"[@delong1988] [@obuchowski1997]; other metrics have intervals from "
        f"{settings.bootstrap} bootstrap samples of patients or Wilson's [@wilson1927]; the tables "
        "name the method. Out-of-fold predictions are pooled, and their intervals are conditional "
        "on the fitted models [@bates2024]. Differences of AUCs are adjusted by Holm's method "
        "[@holm1979]."
    )
    return f"{text} The primary model is `{primary}` ({named})." if primary else text


def _model_table(context: Context) -> Table:
    study = context.study
    rows = [
        (m.name, ", ".join(m.blocks), m.predictor.replace("_", " "), _selection(m))
        for m in study.models
    ]
    return Table(
        ("model", "sees", "predictor", "selection"),
        tuple(rows),
        "**Models as configured.**",
        "Numbers of features were tuned in the inner folds.",
        frozenset(i for i, m in enumerate(study.models) if m.name == study.primary),
    )


def _selection(model: Model) -> str:
    if model.predictor == "cnn3d":
        return "none"
    parts = [] if model.selection.correlation >= 1 else [f"|r| ≤ {model.selection.correlation:g}"]
    if model.selection.method != "none":
        keep = " or ".join(str(k) for k in model.selection.keep)
        parts.append(f"{model.selection.method}, {keep} features")
    return "; ".join(parts) or "none"
