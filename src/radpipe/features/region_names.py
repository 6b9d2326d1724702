"""The names of the regions of a study, known before any mask is opened."""

from collections.abc import Mapping

from radpipe.config import Handcrafted

EACH_LABEL = "each_label"
LABEL_PREFIX = "label_"
"""Before the name of a label in the name of its region; a label may be called `core`."""


def region_names(settings: Handcrafted, labels: Mapping[str, int]) -> list[str]:
    """The regions that every case of a study has, whatever its mask is like.

    Args:
        settings: which regions.
        labels: name and value of each label of the masks.
    """
    names: list[str] = []
    for region in settings.regions:
        if region == EACH_LABEL:
            names += [f"{LABEL_PREFIX}{label}" for label in labels]
        else:
            names.append(region)
    return names
