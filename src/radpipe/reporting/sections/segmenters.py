"""How masks were made, for the methods: networks, classical methods, ensembles, metrics."""

from collections.abc import Mapping
from typing import Any

from radpipe.config import Classical, Cleaning, Ensemble, Network
from radpipe.reporting.context import Context
from radpipe.reporting.numbers import listing
from radpipe.reporting.segmenter_names import (
    CLASSICAL,
    COMBINATIONS,
    LOSSES,
    NETWORKS,
    VIEWS,
    is_semi_automatic,
    networks_of,
)


def masks(context: Context) -> str:
    """The paragraph on masks."""
    study = context.study.segmentation
    labels = listing([f"`{name}` ({value})" for name, value in study.labels.items()])
    parts = [f"**Masks.** Labels: {labels}."]
    if networks_of(context.study):
        parts.append(
            "Networks were built with PyTorch and MONAI [@cardoso2022] and trained anew in each "
            "fold; cases were drawn by a sliding window with Gaussian weights."
        )
    parts += [_segmenter(context, s) for s in study.segmenters]
    parts += [_metrics(study.tolerance_mm)] if study.segmenters else []
    if context.study.outcome is not None:
        parts.append(
            "Features were taken from reference masks."
            if study.mask_source == "reference"
            else f"Features were taken from out-of-fold masks of `{study.mask_source}`."
        )
    return " ".join(parts)


def _metrics(tolerances_mm: list[float]) -> str:
    mm = listing([f"{t:g}" for t in tolerances_mm])
    return (
        "Agreement with the reference was measured on hard labels, in the whole volume and on the "
        "grid of the image as it was imported; background is in no mean over labels. Surface "
        "distances and the surface Dice "
        f"({'tolerance' if len(tolerances_mm) == 1 else 'tolerances'} {mm} mm) are weighted by "
        "area [@nikolov2021]; the boundary IoU [@cheng2021] takes rims of that width. Voxel "
        "accuracy counts background, mean accuracy and mean IoU [@long2015] do not. A lesion is a "
        "region of voxels that touch; it counts as found if one voxel of it was."
    )


def _segmenter(context: Context, settings: Network | Classical | Ensemble) -> str:
    if isinstance(settings, Classical):
        return _classical(context, settings)
    if isinstance(settings, Ensemble):
        members = listing([f"`{name}`" for name in settings.ensemble])
        return (
            f"`{settings.name}` joins {members} by {COMBINATIONS[settings.combine]}"
            f"{_cleaning(settings.cleaning)}."
        )
    return _network(context, settings)


def _classical(context: Context, settings: Classical) -> str:
    image = settings.modality or context.study.images.reference
    where = (
        f", inside a box of {settings.margin_mm:g} mm around the drawn mask: it is semi-automatic, "
        "a reader would have to set that box"
        if is_semi_automatic(context.study, settings.name)
        else ""
    )
    joined = f" by {COMBINATIONS[settings.combine]}" if settings.classical == "atlas" else ""
    return (
        f"`{settings.name}` is {CLASSICAL[settings.classical]}{joined} on `{image}`{where}; what "
        f"it has to know was learned in the fold{_cleaning(settings.cleaning)}."
    )


def _network(context: Context, settings: Network) -> str:
    plan = _plan_of(context, settings)
    own = settings
    planned = ""
    if settings.network == "auto":
        if plan is None:
            return (
                f"`{settings.name}` is a network planned from the training part of each fold "
                f"(budget {settings.budget.minutes:g} minutes, {settings.budget.memory_gb:g} GB, "
                f"{settings.budget.device})."
            )
        own = Network.model_validate(plan["segmenter"])
        planned = (
            f", planned from the training part of each fold for {settings.budget.minutes:g} "
            f"minutes on a {settings.budget.device.upper()}; the numbers are those of one fold"
        )
    residual = " with residual units [@kerfoot2019]" if own.residual_units else ""
    patch = " × ".join(str(v) for v in own.patch)
    channels = "" if own.channels is None else f", {'–'.join(map(str, own.channels))} features"
    text = (
        f"`{settings.name}` is a {NETWORKS[own.network]}{residual} {VIEWS[own.view]}{channels}"
        f"{planned}: {own.steps} steps of {own.batch} patches of {patch} voxels, "
        f"{LOSSES[own.loss]} loss, peak learning rate {own.learning_rate:g}"
    )
    extras = _training_extras(own)
    text += f"; {listing(extras)}" if extras else ""
    return f"{text}{_drawing_extras(own)}{_cleaning(own.cleaning)}."


def _plan_of(context: Context, settings: Network) -> Mapping[str, Any] | None:
    """The plan of the refit on all development cases, or of the first fold that has one."""
    plans = {
        name.rsplit("/", 1)[1]: plan
        for name, plan in context.plans.items()
        if name.rsplit("/", 1)[0] == settings.name
    }
    return plans.get("final", next(iter(plans.values()), None))


def _training_extras(own: Network) -> list[str]:
    extras = []
    if own.deep_supervision:
        extras.append("deep supervision")
    if own.early_stopping is not None:
        share = 100 * own.early_stopping.share
        extras.append(f"early stopping on {share:g} % of the training patients")
    if own.start is not None:
        frozen = ", some tensors frozen" if own.start.frozen else ""
        extras.append(f"fine-tuned from given weights{frozen}")
    if own.adversarial:
        extras.append(f"an adversarial loss of weight {own.adversarial:g} [@isola2017]")
    if own.hard_negatives:
        extras.append("patches at earlier mistakes")
    if own.modality_dropout:
        extras.append(f"modalities blanked with a chance of {own.modality_dropout:g}")
    if own.hardest < 1:
        extras.append(f"the hardest {100 * own.hardest:g} % of the voxels counted")
    if own.ignore is not None:
        extras.append(f"voxels of value {own.ignore} passed over")
    return extras


def _drawing_extras(own: Network) -> str:
    extras = [f"windows overlapped by {100 * own.overlap:g} %"]
    if own.flips:
        extras.append(f"masks were averaged over flips of {listing(list(own.flips))}")
    if own.mc_dropout:
        extras.append(f"{own.mc_dropout} passes with dropout were averaged [@gal2016]")
    if own.cascade is not None:
        extras.append(f"it drew inside the region found by `{own.cascade}`")
    return f"; {listing(extras)}"


def _cleaning(cleaning: Cleaning) -> str:
    steps = []
    if cleaning.crf is not None:
        steps.append("a fully connected conditional random field [@krahenbuhl2011]")
    if cleaning.largest_component:
        steps.append("keeping the largest component of each label")
    if cleaning.minimum_ml:
        steps.append(f"dropping components below {cleaning.minimum_ml:g} ml")
    if cleaning.fill_holes:
        steps.append("filling holes")
    return f", followed by {listing(steps)}" if steps else ""
