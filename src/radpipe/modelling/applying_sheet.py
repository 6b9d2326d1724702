"""The sheet of new cases: what it must say, which depends on what the model is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radpipe.config import IMAGES, REFERENCE, Classical, Study, load_study
from radpipe.errors import RadpipeError
from radpipe.io.sheet import (
    MISSING,
    CaseSheet,
    check_column,
    check_ids,
    read_text_table,
    with_defaults,
)
from radpipe.segmentation.drawers import all_drawers, segmenter_of
from radpipe.types import FINAL


@dataclass(frozen=True)
class Wanted:
    """What a model is shown of a case.

    Attributes:
        blocks: its blocks.
        clinical: columns of the sheet that are features.
        carried: columns of the sheet that are needed beside them (ComBat).
        encoders: whose embeddings are blocks.
        measured: whether the region is measured.
        given: whether features come from a table of the user.
        images: whether images are looked at.
        mask: whether a case must come with a drawn mask: as the region, or to set a box around.
    """

    blocks: tuple[str, ...]
    clinical: tuple[str, ...]
    carried: tuple[str, ...]
    encoders: tuple[str, ...]
    measured: bool
    given: bool
    images: bool
    mask: bool


def study_of(context: Mapping[str, Any], sheet: Path) -> Study:
    """The settings of the study that a bundle comes from, with other cases.

    Raises:
        RadpipeError: the bundle does not tell them, or not as this version knows them.
    """
    if "study" not in context:
        raise RadpipeError("the bundle does not say how its study treats a case")
    return load_study({**context["study"], "cases": sheet, "models": []})


def wanted_of(blocks: Sequence[str], context: Mapping[str, Any], study: Study) -> Wanted:
    """What must be known of a case.

    Args:
        blocks: of the model; of a fusion, those of all its members.
        context: of the bundle; `model` holds the settings of the model, `members` the contexts of
            the members of a fusion.
        study: its study.
    """
    table = bool({"volume", "handcrafted"} & set(blocks))
    encoders = tuple(e.name for e in study.features.encoders if e.name in blocks)
    given = table and study.features.table is not None
    images = bool(encoders) or IMAGES in blocks or (table and not given)
    models = [context, *(context.get("members") or {}).values()]
    asked = [(model.get("model") or {}).get("harmonisation") for model in models]
    beside = [c for h in asked if h for c in (h["batch"], *h.get("covariates", ()))]
    return Wanted(
        blocks=tuple(blocks),
        clinical=tuple(study.features.clinical) if "clinical" in blocks else (),
        carried=tuple(dict.fromkeys(beside)),
        encoders=encoders,
        measured=table and not given,
        given=given,
        images=images,
        mask=images and _needs_mask(study),
    )


def read_new_cases(file: Path, study: Study, wanted: Wanted) -> CaseSheet:
    """Read the sheet of new cases; it needs no outcome, and none is looked at.

    Args:
        file: the sheet.
        study: the study of the bundle.
        wanted: what the model is shown.

    Raises:
        CaseError: it is no tab-separated table, a column is missing, or an id cannot be used.
    """
    table = read_text_table(file)
    table = table.map(lambda cell: "" if cell.strip() in MISSING else cell.strip())
    modalities = tuple(study.images.modalities) if wanted.images else ()
    for column in ("case", *(f"image_{m}" for m in modalities), *wanted.clinical, *wanted.carried):
        check_column(table, column, file)
    names = ("mask", f"mask_{study.images.reference}")
    mask = next((n for n in names if wanted.mask and n in table.columns), None)
    if wanted.mask and mask is None:
        check_column(table, "mask", file)
    check_ids(table["case"], file)
    return CaseSheet(with_defaults(table), file, mask, modalities)


def _needs_mask(study: Study) -> bool:
    sections, source = study.segmentation, study.segmentation.mask_source
    if source == REFERENCE:
        return True
    hands = all_drawers(sections, source, FINAL, [FINAL])
    own = [segmenter_of(sections, name) for name, _ in hands]
    return any(isinstance(one, Classical) and one.within == "box" for one in own)
