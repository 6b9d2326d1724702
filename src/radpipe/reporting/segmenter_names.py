"""Segmenters and their losses in the words of a methods section, with who published them."""

from radpipe.config import Classical, Ensemble, Network, Study

NETWORKS: dict[str, str] = {
    "unet": "U-Net [@ronneberger2015] [@cicek2016]",
    "unet3d_cicek": "3-D U-Net as published [@cicek2016]",
    "vnet": "V-Net [@milletari2016]",
    "vnet_light": "V-Net without its lowest level [@milletari2016]",
    "unetpp": "U-Net++ [@zhou2020]",
    "attention_unet": "Attention U-Net [@schlemper2019]",
    "dynunet": "U-Net with the topology of nnU-Net [@isensee2021]",
    "segresnet": "SegResNet, a residual encoder with a light decoder [@myronenko2019]",
    "segnet": "SegNet [@badrinarayanan2017]",
    "fcn8s": "fully convolutional network FCN-8s [@long2015]",
    "deeplabv3plus": "DeepLabv3+ [@chen2018]",
    "unetr": "UNETR [@hatamizadeh2022]",
    "swin_unetr": "Swin UNETR [@hatamizadeh2022swin]",
    "densenet_seg": "3-D DenseNet [@dolz2019]",
    "r2_unet": "recurrent residual U-Net [@alom2019]",
    "dense_unet": "U-Net of dense blocks [@jegou2017]",
    "inception_unet": "U-Net of inception modules [@szegedy2015]",
}

LOSSES: dict[str, str] = {
    "dice_ce": "Dice [@milletari2016] and cross-entropy",
    "dice": "Dice [@milletari2016]",
    "ce": "cross-entropy",
    "weighted_ce": "cross-entropy weighted by class",
    "border_ce": "cross-entropy weighted towards borders [@ronneberger2015]",
    "focal": "focal [@lin2017]",
    "dice_focal": "Dice [@milletari2016] and focal [@lin2017]",
    "generalised_dice": "generalised Dice [@sudre2017]",
    "tversky": "Tversky [@salehi2017]",
    "hausdorff": "Hausdorff distance transform [@karimi2020]",
}

CLASSICAL: dict[str, str] = {
    "otsu": "Otsu's threshold [@otsu1979]",
    "multi_otsu": "Otsu's thresholds for several classes [@otsu1979] [@liao2001]",
    "region_growing": "region growing from a seed [@adams1994]",
    "fwhm": "a threshold at a share of the maximum (full width at half maximum)",
    "reference_sd": "a threshold in standard deviations above reference tissue",
    "kmeans": "k-means clustering of intensities [@lloyd1982]",
    "gaussian_mixture": "a Gaussian mixture of intensities [@dempster1977]",
    "active_contour": "a morphological active contour [@marquez2014]",
    "chan_vese": "Chan and Vese's active contour without edges [@chan2001] [@marquez2014]",
    "geodesic": "a geodesic active contour as a level set [@caselles1997]",
    "random_walker": "random walks from seeds [@grady2006]",
    "watershed": "a watershed of the gradient [@vincent1991]",
    "knn": "a nearest-neighbour classifier of voxels [@cover1967]",
    "svm": "a support vector machine of voxels [@cortes1995]",
    "random_forest": "a random forest of voxels [@breiman2001]",
    "atlas": "registration of atlases, joined into one mask [@iglesias2015]",
}

COMBINATIONS: dict[str, str] = {
    "mean": "the mean of their probabilities",
    "vote": "a vote",
    "staple": "STAPLE [@warfield2004]",
}

VIEWS: dict[str, str] = {
    "3d": "on volumes",
    "2.5d": "slice by slice in three planes, averaged",
    "2d": "slice by slice across z",
}

SEMI_AUTOMATIC = "†"
"""Set behind the name of a segmenter that was told where the region lies."""


def is_semi_automatic(study: Study, name: str) -> bool:
    """Whether a segmenter, or one it builds on, was told where the drawn mask lies."""
    segmenter = study.segmenter(name)
    if isinstance(segmenter, Classical):
        return segmenter.within == "box"
    if isinstance(segmenter, Ensemble):
        return any(is_semi_automatic(study, member) for member in segmenter.ensemble)
    return segmenter.cascade is not None and is_semi_automatic(study, segmenter.cascade)


def shown_name(study: Study, name: str) -> str:
    """The name of a segmenter for a table or a figure, marked if it is semi-automatic."""
    known = any(segmenter.name == name for segmenter in study.segmentation.segmenters)
    return name + SEMI_AUTOMATIC * (known and is_semi_automatic(study, name))


def networks_of(study: Study) -> list[Network]:
    """The segmenters that are networks."""
    return [s for s in study.segmentation.segmenters if isinstance(s, Network)]
