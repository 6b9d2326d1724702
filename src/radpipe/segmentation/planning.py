"""The plan of a network: as it was given, read from a file, or made for the training cases."""

from collections.abc import Sequence

from radpipe.config import Network
from radpipe.errors import ConfigError
from radpipe.segmentation.fingerprint import Fingerprint
from radpipe.segmentation.plan import GIVEN, Plan, read_plan


def make_plan(
    settings: Network,
    fingerprint: Fingerprint | None,
    labels: dict[str, int],
    modalities: Sequence[str],
    *,
    normalised: bool = True,
) -> Plan:
    """The plan of a network: its settings as given, a file's, or made for the training cases.

    Args:
        settings: from the config; `auto` is planned unless it names a plan file.
        fingerprint: of the training part of the fold; needed for `auto` alone.
        labels: name and value in the mask of each label.
        modalities: the images that the network sees, in this order.
        normalised: whether the images are prepared with a common scale; if not, an automatic plan
            scales them by the labelled voxels of the training part.

    Raises:
        ConfigError: a plan file that is of other labels or modalities, or no network fits.
    """
    given = settings.model_fields_set - {"name", "network", "budget", "plan"}
    if settings.network != "auto":
        return Plan(segmenter=settings, reasons=dict.fromkeys(["network", *sorted(given)], GIVEN))
    if settings.plan is not None:
        plan = read_plan(settings.plan)
        _check_fits(plan, settings, labels, modalities)
        return plan
    if fingerprint is None:
        raise ValueError("network auto is planned from a fingerprint of the training cases")
    # Counts operations with torch and MONAI, which a plan that is given need not wait for.
    from radpipe.segmentation.planner import Planner

    return Planner(settings, fingerprint, given).plan(normalised=normalised)


def _check_fits(
    plan: Plan, settings: Network, labels: dict[str, int], modalities: Sequence[str]
) -> None:
    """A plan made for other images or labels would train without a word of it."""
    for key, here in (("labels", list(labels)), ("modalities", list(modalities))):
        there = plan.fingerprint.get(key)
        if there is not None and sorted(there) != sorted(here):
            raise ConfigError(
                f"the plan is of other {key}", file=settings.plan, found=list(there), expected=here
            )
    if plan.segmenter.network == "auto":
        raise ConfigError(
            "a plan must name its network", file=settings.plan, found="auto", expected="unet, …"
        )
    if plan.intensities is not None and len(plan.intensities) != len(modalities):
        raise ConfigError(
            "the plan has intensities of another number of modalities",
            file=settings.plan,
            found=len(plan.intensities),
            expected=len(modalities),
        )
