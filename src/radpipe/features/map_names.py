"""Which feature maps a study asks for, checked before any image is opened.

Imports nothing that is slow: Snakemake asks for every job.
"""

from radpipe.config import Handcrafted, Study
from radpipe.config.messages import nearest
from radpipe.errors import ConfigError, RadpipeError
from radpipe.features.dictionary import SHAPE, ColumnName, definitions, image_types
from radpipe.features.discretisation import Bins, bins_of
from radpipe.features.region_names import region_names

KEY = "features.maps.features"


def check_maps(study: Study) -> None:
    """See that every map a study asks for is of something that it measures.

    Raises:
        ConfigError: handcrafted features are off; or a name is no feature, or its modality, region,
            image type or bins are not among the settings.
    """
    asked, settings = study.features.maps.features, study.features.handcrafted
    if not asked:
        return
    if settings is None:
        raise ConfigError(f"{KEY} asks for maps, but features.handcrafted is off")
    regions = region_names(settings, study.segmentation.labels)
    for feature in asked:
        try:
            name = checked_map(feature, settings)
        except RadpipeError as error:
            raise ConfigError(f"{KEY}: {error}") from None
        modality = name.modality.partition(".")[0]
        for what, found, known in (
            ("modality", modality, study.images.prepared),
            ("region", name.region, regions),
        ):
            if found not in known:
                raise ConfigError(
                    f"{KEY}: '{feature}' names the {what} '{found}', which the study does not "
                    f"measure{nearest(found, known)}"
                )
        map_bins(name, settings)


def checked_map(feature: str, settings: Handcrafted) -> ColumnName:
    """The parts of the name of a map.

    Args:
        feature: name of a feature column, of any class but shape and the families.
        settings: which image types there are.

    Raises:
        RadpipeError: the name is not that of a feature that has a map.
        ConfigError: the settings do not make its image type.
    """
    name = ColumnName.parse(feature)
    offered = {(d.feature_class, d.feature) for d in definitions() if d.feature_class != SHAPE}
    if (name.feature_class, name.feature) not in offered:
        raise RadpipeError(
            "not a feature that has a map",
            found=feature,
            expected="a feature of pyradiomics other than shape",
        )
    if name.filtered not in image_types(settings):
        raise ConfigError(
            "an image type that the settings do not make",
            found=name.filtered,
            expected=f"one of {', '.join(image_types(settings))}",
        )
    return name


def map_bins(name: ColumnName, settings: Handcrafted) -> Bins:
    """The discretisation in the name of a map; the first one if it names none.

    Raises:
        ConfigError: the settings do not make these bins.
    """
    offered = bins_of(name.modality.partition(".")[0], settings)
    for bins in offered:
        if name.bins in ("", str(bins)):
            return bins
    raise ConfigError(
        "bins that the settings do not make", found=name.bins, expected=[str(b) for b in offered]
    )
