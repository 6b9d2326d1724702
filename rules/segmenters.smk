"""What the rules of segmenters ask: who draws a mask with whom, and where it all lies."""

from radpipe.segmentation.drawers import all_drawers, drawers
from radpipe.segmentation.drawers import coarse_of as coarse_among
from radpipe.segmentation.drawers import segmenter_of

FIRST_REPEAT = [f for f in FOLDS if f.startswith("r1f")]
SEGMENTATION_CODE = code_hash("networks", "segmentation", "io.images", "io.estimators")


def planned_cases(segmenter, fold):
    """The cases a plan is made from: those of the training part, or none if nothing is planned."""
    own = STUDY.segmenter(segmenter)
    return fold_cases(fold, "train") if own.network == "auto" and own.plan is None else []


def given_settings(segmenter):
    """What the config says of a segmenter, without defaults: those are free to be planned."""
    return STUDY.segmenter(segmenter).model_dump(mode="json", exclude_unset=True)


def given_plan(segmenter):
    """The plan file that the config names, if it names one."""
    plan = STUDY.segmenter(segmenter).plan
    return [] if plan is None else [plan]


def start_weights(segmenter):
    """The weights that training goes on from, if the config names some."""
    start = STUDY.segmenter(segmenter).start
    return [] if start is None else [start.weights]


def members(segmenter, fold):
    """Segmenter and fold of everything that draws together: one, or those of an ensemble."""
    return drawers(STUDY.segmentation, segmenter, fold, FIRST_REPEAT)


def segmenter_settings(segmenter):
    """All settings of a segmenter, with defaults."""
    own = segmenter_of(STUDY.segmentation, segmenter, STUDY.images.reference)
    return own.model_dump(mode="json")


def trained_folds(segmenter):
    """The folds in which a network is trained: all that draw, in whatever fold."""
    return sorted({f for fold in MASK_FOLDS for _, f in members(segmenter, fold)})


def member_places(segmenter, fold):
    """The settings of each member and the folder it lies in."""
    return [
        {"segmenter": segmenter_settings(name), "folder": f"{RESULTS}/segmenters/{name}/{f}"}
        for name, f in members(segmenter, fold)
    ]


def member_files(segmenter, fold):
    """Weights and plans of the members that are networks, masks of those that are not."""
    files = []
    for name, f in members(segmenter, fold):
        own = ["masks"] if name in CLASSICAL else ["weights.safetensors", "plan.yaml"]
        files += [f"{RESULTS}/segmenters/{name}/{f}/{file}" for file in own]
    return files


def coarse_of(segmenter, fold):
    """The segmenters in whose masks the members of a cascade draw: one at most."""
    return coarse_among(STUDY.segmentation, members(segmenter, fold))


def coarse_masks(segmenter, fold):
    """The folder of the masks in which the members of a cascade draw."""
    return [f"{RESULTS}/segmenters/{c}/{fold}/masks" for c in coarse_of(segmenter, fold)]


def boxed_cases(segmenter, fold):
    """The cases whose drawn mask gives a semi-automatic segmenter its box."""
    boxed = STUDY.segmenter(segmenter).within == "box"
    return [c for c in fold_cases(fold, "test") if SHEET.mask(c)] if boxed else []


def manifests_of(segmenter, fold):
    """The manifests of everything that had a hand in a mask, coarse segmenters too."""
    hands = all_drawers(STUDY.segmentation, segmenter, fold, FIRST_REPEAT)
    return [f"{RESULTS}/segmenters/{s}/{f}/manifest.json" for s, f in hands]


def drawn_with(segmenter):
    """What draws the mask of a new case, by its place below the folder of results."""
    files = []
    for name, fold in all_drawers(STUDY.segmentation, segmenter, FINAL, FIRST_REPEAT):
        own = ["fitted"] if name in CLASSICAL else ["weights.safetensors", "plan.yaml"]
        files += [f"segmenters/{name}/{fold}/{file}" for file in [*own, "manifest.json"]]
    return files
