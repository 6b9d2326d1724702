"""The methods text, written from the settings that were used."""

import pandas as pd

from radpipe.config import FusedImage, Model
from radpipe.config.outcome import OutcomeKind
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section, Table, literal
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.numbers import count, listing, percent
from radpipe.reporting.predictor_names import predictor_name, ranking_name
from radpipe.reporting.sections.encoders import describe
from radpipe.reporting.sections.features import describe_handcrafted
from radpipe.reporting.sections.looks import scored
from radpipe.reporting.sections.segmenters import masks


def methods(context: Context) -> Section:
    """What was done, step by step, with the settings of this study."""
    steps = [_preparation(context), masks(context)] if context.study.images.modalities else []
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
    parts += [fused_image(image) for image in study.images.fused]
    return " ".join(parts)


def fused_image(image: FusedImage) -> str:
    """How one fused image was made."""
    names = listing([f"`{m}`" for m in image.of])
    weights = [f"{weight:g}" for weight in image.weights or []]
    shares = f", weighted {listing(weights)}" if weights else ""
    how = {
        "average": f"the voxel-wise mean of {names}{shares}",
        "wavelet": f"made of {names} from the larger of the details of a wavelet transform "
        f"(`{image.wavelet}`, at most {count(image.levels, 'level')}) and the mean of its coarsest "
        f"level{shares} [@li1995]",
        "guided": f"made of {names} with weights by local detail, smoothed by guided filters "
        f"(mean filter of {image.radius_mm:g} mm) [@he2013] [@li2013]",
    }[image.method]
    low, high = image.percentiles
    windows = [f"`{m}` ({first:g} to {last:g})" for m, (first, last) in image.window.items()]
    ends = f"percentiles {low:g} and {high:g}" + (
        f", or the window of {listing(windows)}," if windows else ""
    )
    return f"`{image.name}` was {how}; {ends} of each input were brought to 0 and 1 before."


def _features(context: Context) -> str:
    features = context.study.features
    parts = ["**Features.**"]
    if features.handcrafted is not None:
        parts.append(describe_handcrafted(features.handcrafted))
    if features.table is not None:
        parts.append(f"Features were not measured here but given in `{features.table.name}`.")
    parts += [describe(e) for e in features.encoders]
    if features.clinical:
        names = listing([f"`{literal(c)}`" for c in features.clinical])
        parts.append(f"Clinical columns: {names}.")
    return " ".join(parts) if len(parts) > 1 else ""


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
        said = scored(context, [model.name for model in context.study.models])
        text += f" External cases were {said} by the refit on all development cases."
    return text


def _modelling(context: Context) -> str:
    models = context.study.models
    if not models:
        return ""
    kinds = list(dict.fromkeys(predictor_name(model) for model in models))
    parts = [
        f"**Models** were {listing(kinds)}, fitted with scikit-learn [@pedregosa2011] and PyTorch. "
        "Missing values were imputed, numbers scaled and features selected inside the training "
        "part only."
    ]
    ranked = {ranking_name(m) for m in models if m.selection.method != "none"}
    parts += [f"Features were ranked by {listing(sorted(ranked))}."] if ranked else []
    batches = sorted({m.harmonisation.batch for m in models if m.harmonisation})
    if batches:
        names = listing([f"`{literal(batch)}`" for batch in batches])
        parts.append(
            f"Differences between batches ({names}) were removed by ComBat [@johnson2007]."
        )
    return " ".join(parts)


_INTERVALS: dict[OutcomeKind, str] = {
    "binary": "AUCs have DeLong intervals, with patients as clusters where they have several cases "
    "[@delong1988] [@obuchowski1997]; other metrics have intervals from {samples} bootstrap "
    "samples of patients or Wilson's [@wilson1927]",
    "multiclass": "Models were judged by the AUC over all pairs of classes [@hand2001]; intervals "
    "come from {samples} bootstrap samples of patients [@davison1997]",
    "regression": "Models were judged by R², errors and the concordance of Lin [@lin1989]; "
    "intervals come from {samples} bootstrap samples of patients [@davison1997]",
    "survival": "Models were judged by Harrell's C [@harrell1982], Uno's C [@uno2011] and, at the "
    "horizon, the cumulative AUC [@blanche2013] and the Brier score [@graf1999] with weights by "
    "inverse probability of censoring; intervals come from {samples} bootstrap samples of patients "
    "[@davison1997]",
}


def _statistics(context: Context) -> str:
    settings, kind = context.study.evaluation, kind_of_study(context.study)
    primary = context.study.primary
    named = "named in the config" if settings.primary else "by default the last one listed"
    text = (
        f"**Statistics.** Intervals have a confidence of {percent(settings.confidence)}. "
        f"{_INTERVALS[kind.name].format(samples=settings.bootstrap)}; the tables name the method. "
        "Out-of-fold predictions are pooled; the summary says what their intervals are about. "
        f"Differences in {kind.label} are adjusted by Holm's method [@holm1979]."
    )
    text += _horizon(context) if kind.name == "survival" else ""
    return f"{text} The primary model is `{primary}` ({named})." if primary else text


def _horizon(context: Context) -> str:
    """The time by which the event is predicted, and how it was chosen."""
    outcome, predictions = context.study.outcome, context.table("predictions")
    given = outcome is not None and outcome.horizon is not None
    found = predictions["horizon"].dropna() if "horizon" in predictions else pd.Series(dtype=float)
    value = outcome.horizon if outcome is not None else None
    if value is None and len(found):
        value = float(found.iloc[0])
    unit = f" (`{literal(str(outcome.time))}`)" if outcome is not None and outcome.time else ""
    time = f" of {value:g}{unit}" if value is not None else ""
    origin = "named in the config" if given else "the median follow-up of the development cohort"
    return f" The horizon{time} was {origin}."


def _model_table(context: Context) -> Table:
    study = context.study
    rows = [
        (m.name, ", ".join(m.blocks or m.of), m.predictor.replace("_", " "), _selection(m))
        for m in study.models
    ]
    ranked = any(len(m.selection.keep) > 1 for m in study.models if m.selection.method != "none")
    return Table(
        ("model", "sees", "predictor", "selection"),
        tuple(rows),
        "**Models as configured.**",
        "Numbers of features were tuned in the inner folds." if ranked else "",
        frozenset(i for i, m in enumerate(study.models) if m.name == study.primary),
    )


def _selection(model: Model) -> str:
    if model.is_network or model.is_fusion:
        return "none"
    parts = [] if model.selection.correlation >= 1 else [f"|r| ≤ {model.selection.correlation:g}"]
    if model.selection.method != "none":
        keep = " or ".join(str(k) for k in model.selection.keep)
        parts.append(f"{model.selection.method}, {keep} features")
    return "; ".join(parts) or "none"
