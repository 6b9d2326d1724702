"""Who draws the masks of a fold: a segmenter by itself, the members of an ensemble, a cascade."""

from collections.abc import Sequence

from radpipe.config import Classical, Ensemble, Network, Segmentation, Segmenter
from radpipe.types import FINAL

Drawer = tuple[str, str]
"""Name of a segmenter and the fold it was fitted in."""


def drawers(
    settings: Segmentation, segmenter: str, fold: str, first_repeat: Sequence[str]
) -> list[Drawer]:
    """Everything that draws a mask together: one segmenter, or those of an ensemble.

    Args:
        settings: the segmentation section of a study.
        segmenter: its name.
        fold: the fold whose held-out cases are drawn; `final`: external and new cases.
        first_repeat: the outer folds by whose mean a new case may be drawn.
    """
    own = segmenter_of(settings, segmenter)
    if isinstance(own, Ensemble):
        return [p for name in own.ensemble for p in drawers(settings, name, fold, first_repeat)]
    if fold == FINAL and isinstance(own, Network) and own.external == "folds":
        return [(segmenter, f) for f in first_repeat]
    return [(segmenter, fold)]


def coarse_of(settings: Segmentation, drawn_by: Sequence[Drawer]) -> list[str]:
    """The segmenters in whose masks the drawers of a mask look (a cascade): one at most."""
    own = [segmenter_of(settings, name) for name, _ in drawn_by]
    return sorted({s.cascade for s in own if isinstance(s, Network) and s.cascade})


def all_drawers(
    settings: Segmentation, segmenter: str, fold: str, first_repeat: Sequence[str]
) -> list[Drawer]:
    """Everything that has a hand in a mask, coarse segmenters too, each once."""
    own = drawers(settings, segmenter, fold, first_repeat)
    coarse = [
        pair
        for name in coarse_of(settings, own)
        for pair in all_drawers(settings, name, fold, first_repeat)
    ]
    return list(dict.fromkeys([*own, *coarse]))


def segmenter_of(settings: Segmentation, name: str, reference: str | None = None) -> Segmenter:
    """The settings of a segmenter by its name.

    Args:
        settings: the segmentation section of a study.
        name: of the segmenter.
        reference: the modality that a classical one looks at if it names none.
    """
    own = next(s for s in settings.segmenters if s.name == name)
    if reference is not None and isinstance(own, Classical) and own.modality is None:
        return own.model_copy(update={"modality": reference})
    return own
