"""The feature table of one case: its regions, and the negative controls."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import SimpleITK as sitk

from radpipe.config import Controls, Handcrafted
from radpipe.features.controls import displaced, noise_filled, shuffled
from radpipe.features.dictionary import ORIGINAL, WHOLE
from radpipe.features.families import with_families
from radpipe.features.handcrafted import OK, CaseFeatures, measure_regions
from radpipe.features.regions import make_regions

ROI = "roi"
SHUFFLED = "shuffled"
DISPLACED = "displaced"
NOISE = "noise"
KEYS = ["case", "variant", "status"]
"""The columns of a case's table beside its features."""

NO_ROOM = "no room for the mask elsewhere in the images"


@dataclass(frozen=True)
class FeatureSettings:
    """What is measured in a case.

    Attributes:
        handcrafted: which features of which regions.
        controls: which negative controls.
        labels: name and value of each label of the mask, for the region `each_label`.
        seed: the study's seed; with the name of a case it decides what is random.
    """

    handcrafted: Handcrafted
    controls: Controls = field(default_factory=Controls)
    labels: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "FeatureSettings":
        """The settings as a rule holds them: JSON of the sections, `controls` where it has them."""
        return cls(
            handcrafted=Handcrafted.model_validate(params["handcrafted"]),
            controls=Controls.model_validate(params.get("controls", {})),
            labels=params["labels"],
            seed=params["seed"],
        )


def case_table(
    case: str, images: dict[str, sitk.Image], mask: sitk.Image, settings: FeatureSettings
) -> pd.DataFrame:
    """The features of one case: its regions, and the negative controls that are switched on.

    By default controls see the unfiltered images only; their other columns are missing.

    Args:
        case: name of the case.
        images: modality to prepared image.
        mask: integer labels on the grid of the images.
        settings: which features and which controls.

    Returns:
        `case, variant, status`, then `feature_columns`; variants `roi`, `shuffled`, `noise`,
        `displaced`, one row each.
    """
    results = {ROI: measure_case(images, mask, settings)}
    results |= _controls(images, mask, settings, case_seed(case, settings.seed))
    rows = [
        {"case": case, "variant": variant, "status": found.status, **found.values}
        for variant, found in results.items()
    ]
    return pd.DataFrame(rows)


def measure_case(
    images: dict[str, sitk.Image], mask: sitk.Image, settings: FeatureSettings
) -> CaseFeatures:
    """Measure every region of a case that the settings ask for.

    Args:
        images: modality to prepared image.
        mask: integer labels on the grid of the images.
        settings: which features of which regions.

    Returns:
        The columns of all regions, and why values are missing, region by region where there are
        several; a region that cannot be measured leaves the others as they are.
    """
    regions = make_regions(mask, settings.handcrafted, settings.labels, images)
    return _joined(_measured(images, regions.masks, settings.handcrafted), regions.reasons)


def case_seed(case: str, seed: int) -> int:
    """A seed for one case that does not depend on which other cases there are."""
    digest = hashlib.sha256(f"{seed}/{case}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _controls(
    images: dict[str, sitk.Image], mask: sitk.Image, settings: FeatureSettings, seed: int
) -> dict[str, CaseFeatures]:
    """The control variants of a case."""
    controls = settings.controls
    if controls.image_types == ORIGINAL:
        plain = settings.handcrafted.model_copy(update={"image_types": [ORIGINAL]})
        settings = replace(settings, handcrafted=plain)
    results = {}
    if controls.shuffled_voxels:
        results[SHUFFLED] = _altered(shuffled, images, mask, settings, seed)
    if controls.noise_filled:
        results[NOISE] = _altered(noise_filled, images, mask, settings, seed)
    if controls.displaced_mask:
        elsewhere = displaced(images, mask, seed)
        results[DISPLACED] = (
            CaseFeatures({}, NO_ROOM)
            if elsewhere is None
            else measure_case(images, elsewhere, settings)
        )
    return results


def _altered(
    alter: Callable[[dict[str, sitk.Image], sitk.Image, int], dict[str, sitk.Image]],
    images: dict[str, sitk.Image],
    mask: sitk.Image,
    settings: FeatureSettings,
    seed: int,
) -> CaseFeatures:
    """Each region measured in images that are altered inside that region.

    Regions overlap, so altering all at once would mix a core with its rim; and a ring has to lose
    its texture too.
    """
    regions = make_regions(mask, settings.handcrafted, settings.labels, images)
    found: dict[str, CaseFeatures] = {}
    for name, region in regions.masks.items():
        changed = alter(images, region, seed)
        found |= _measured(changed, {name: region}, settings.handcrafted)
    return _joined(found, regions.reasons)


def _measured(
    images: Mapping[str, sitk.Image], regions: Mapping[str, sitk.Image], settings: Handcrafted
) -> dict[str, CaseFeatures]:
    found = measure_regions(images, regions, settings)
    return with_families(found, images, regions, settings)


def _joined(found: Mapping[str, CaseFeatures], reasons: Mapping[str, str]) -> CaseFeatures:
    """The columns of several regions in one row; a fault names its region unless it is `whole`."""
    values: dict[str, float] = {}
    faults = []
    for name, features in found.items():
        values |= features.values
        status = reasons.get(name, features.status)
        if status != OK:
            faults.append(status if name == WHOLE else f"{name}: {status}")
    return CaseFeatures(values, "; ".join(faults) or OK)
