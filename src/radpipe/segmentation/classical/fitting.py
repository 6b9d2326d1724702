"""What a classical method must know, learned on the training part of a fold and nowhere else."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.config import Classical
from radpipe.errors import CaseError, ConfigError, FitError
from radpipe.imaging.threads import single_thread
from radpipe.logs import progress
from radpipe.segmentation.classical import methods, scenes, voxel_classifiers
from radpipe.segmentation.classical.atlas import make_atlas
from radpipe.segmentation.classical.drawing import draw
from radpipe.segmentation.classical.fitted import (
    BY_SEEDS,
    BY_VOXEL,
    FittedClassical,
    check_classical,
)
from radpipe.segmentation.classical.knowledge import intensity_facts, region_facts
from radpipe.segmentation.classical.scenes import Scene
from radpipe.types import CaseFiles, Labels

HELD = 6
"""Training cases kept aside, at most, to choose how ready a voxel classifier is to draw."""

NO_SHIFT = 0.0


@dataclass(frozen=True)
class Training:
    """The training part as a fit sees it."""

    cases: Sequence[CaseFiles]
    modalities: tuple[str, ...]
    settings: Classical
    labels: dict[str, int]
    seed: int
    threads: int

    @property
    def common(self) -> dict[str, Any]:
        """Parameters that every method has."""
        return {"within": self.settings.within, "seed": self.seed}

    def scenes(self, bounded: Callable[[Scene], Scene]) -> Iterator[tuple[Scene, Any]]:
        """Scenes with something to see, made small enough by `bounded`, and their axes."""
        for files in self.cases:
            if files.mask is None:
                raise CaseError("the case has no mask to learn from", case=files.case)
            scene, grid, classes = scenes.read_scene(
                files, self.modalities, files.mask, self.labels
            )
            assert classes is not None
            scene = replace(scene, classes=classes)
            if self.settings.within == "box":
                scene, _ = scenes.boxed(scene, classes > 0, self.settings.margin_mm)
            if not scene.empty:
                yield bounded(scene), grid.GetDirection()

    def some(self, count: int) -> "Training":
        """So many of the cases, chosen by the seed, in the order they have."""
        if len(self.cases) <= count:
            return self
        rng = np.random.default_rng(self.seed)
        chosen = np.sort(rng.choice(len(self.cases), count, replace=False))
        return replace(self, cases=[self.cases[i] for i in chosen])


def fit_classical(
    cases: Sequence[CaseFiles],
    settings: Classical,
    labels: dict[str, int],
    *,
    seed: int,
    threads: int = 1,
) -> FittedClassical:
    """Learn what a method must know from the training cases of a fold.

    Whether lesions are bright or dark, thresholds that the settings leave open, how seeds are set,
    which class of intensity is which label: what gives the highest mean Dice over training cases.
    Voxel classifiers and atlases are trained on them.

    Args:
        cases: training cases with masks; of one with a missing image that image is zeros.
        settings: method, image (none named: the first of each case), where to look.
        labels: name and value in the mask of each label.
        seed: of all that is drawn at random; the same seed gives the same masks, bit by bit.
        threads: of voxel classifiers; the result does not depend on them.

    Raises:
        ConfigError: the method cannot do what is asked, or no case has the modality.
        FitError: no training case has a labelled voxel in an image that is not constant.
    """
    check_classical(settings, labels)
    if not cases:
        raise FitError("a classical method needs training cases", found=0)
    modalities = _modalities(cases, settings)
    training = Training(list(cases), modalities, settings, labels, seed, threads)
    with single_thread():
        if settings.classical in methods.SPLITS:
            fitted = _fit_split(training)
        elif settings.classical in methods.METHODS:
            fitted = _fit_candidates(training)
        elif settings.classical in BY_VOXEL:
            fitted = _fit_voxels(training)
        else:
            fitted = _fit_atlas(training)
    return fitted


def _modalities(cases: Sequence[CaseFiles], settings: Classical) -> tuple[str, ...]:
    names = list(cases[0].images)
    first = settings.modality or names[0]
    if first not in names:
        raise ConfigError(
            f"segmenter '{settings.name}' looks at a modality that cases do not have",
            found=first,
            expected=f"one of {', '.join(names)}",
        )
    if settings.classical not in BY_VOXEL:
        return (first,)
    return (first, *(name for name in names if name != first))


def _fit_split(training: Training) -> FittedClassical:
    """Learn which class of intensity is which label, from how often they meet in each case."""
    own = training.settings
    classes = 2 if own.classical == "otsu" else own.classes
    parameters: dict[str, Any] = {**training.common, "classes": classes}
    tables, seen = [], []
    for scene in progress(_thin(training), f"parting {own.name}"):
        parts = methods.SPLITS[own.classical](scene, parameters)
        if parts is not None:
            seen.append(scene)
            tables.append(_meetings(parts, _classes(scene), classes, len(training.labels) + 1))
    _check_seen(training, seen)
    chosen, dice = _assign(np.stack(tables))
    parameters["classes_to_labels"] = chosen
    return _fitted(training, parameters, _tuning([{"classes_to_labels": chosen}], [[dice]]))


def _fit_candidates(training: Training) -> FittedClassical:
    """Try each candidate on training cases; the first of the best is taken."""
    own = training.settings
    method = methods.METHODS[own.classical]
    chosen = _with_labels(training, method.cases)
    facts = dict(training.common)
    if own.classical in BY_SEEDS:
        facts |= intensity_facts(chosen, len(training.labels))
    else:
        facts |= region_facts(chosen)
    candidates = method.candidates(own)
    scores: list[list[float]] = []
    for candidate in progress(candidates, f"trying {own.name}"):
        fitted = _fitted(training, {**facts, **candidate}, pd.DataFrame())
        drawn = [draw(fitted, scene, ()) for scene in chosen]
        scores.append(_dices(drawn, chosen, len(training.labels)))
    best = candidates[int(np.argmax([_mean(dices) for dices in scores]))]
    return _fitted(training, {**facts, **best}, _tuning(candidates, scores))


def _fit_voxels(training: Training) -> FittedClassical:
    """Choose the shift on cases kept aside, then train on all.

    A classifier draws its own training cases too well to learn from them how ready it must be to
    call a voxel a lesion. With fewer than three cases there are none to keep aside.
    """
    own, count = training.settings, len(training.labels)

    def bounded(scene: Scene) -> Scene:
        return scenes.shrunk(scene, methods.VOXELS_CLASSIFIED)

    seen = [scene for scene, _ in training.scenes(bounded)]
    _check_seen(training, seen)
    how = voxel_classifiers.VoxelSettings(own.classical, count, training.seed, training.threads)
    order = np.random.default_rng(training.seed).permutation(len(seen))
    kept = min(HELD, len(seen) // 3)
    held = [seen[i] for i in np.sort(order[:kept])] or seen
    rest = [seen[i] for i in np.sort(order[kept:])]
    shifts = voxel_classifiers.shifts(own.classical)
    scores: list[list[float]] = [[] for _ in shifts]
    if any(np.any(_classes(scene)) for scene in rest):
        trial = voxel_classifiers.train_voxels(rest, how)
        for scene in held:
            found = voxel_classifiers.voxel_scores(trial, scene, count)
            for shift, dices in zip(shifts, scores, strict=True):
                drawn = voxel_classifiers.draw_voxels(found, shift)
                dices += _dices([drawn], [scene], count)
    means = [_mean(dices) for dices in scores]
    # Without a lesion among the cases kept aside every shift is as good, and none is taken.
    shift = shifts[int(np.argmax(means))] if max(means) > 0 else NO_SHIFT
    tuning = _tuning([{"shift": s} for s in shifts], scores)
    fitted = _fitted(training, {**training.common, "shift": shift}, tuning)
    return replace(fitted, estimator=voxel_classifiers.train_voxels(seen, how))


def _fit_atlas(training: Training) -> FittedClassical:
    """Keep the training cases that have labels, as they are seen, on a bounded grid."""
    own = training.settings

    def bounded(scene: Scene) -> Scene:
        return scenes.shrunk(scene, methods.ATLAS_VOXELS)

    seen = [pair for pair in training.scenes(bounded) if np.any(_classes(pair[0]))]
    _check_seen(training, [scene for scene, _ in seen])
    kept = tuple(make_atlas(scene, direction) for scene, direction in seen)
    parameters = {**training.common, "combine": own.combine, "atlases": own.atlases}
    return replace(_fitted(training, parameters, _tuning([], [])), atlases=kept)


def _thin(training: Training) -> Iterator[Scene]:
    for scene, _ in training.scenes(lambda s: scenes.thinned(s, methods.TUNING_VOXELS)):
        yield scene


def _with_labels(training: Training, count: int) -> list[Scene]:
    """Scenes that candidates are tried on; without a lesion among them, those of all cases."""
    chosen = list(_thin(training.some(count)))
    if not any(np.any(_classes(scene)) for scene in chosen):
        chosen = list(_thin(training))  # all of them: labelled cases must not be missed by chance
    _check_seen(training, chosen)
    return chosen


def _classes(scene: Scene) -> Labels:
    assert scene.classes is not None
    return scene.classes


def _check_seen(training: Training, seen: Sequence[Scene]) -> None:
    if not any(np.any(_classes(scene)) for scene in seen):
        raise FitError(
            f"segmenter '{training.settings.name}' has nothing to learn from",
            found=f"{len(training.cases)} training cases without a labelled voxel in an image "
            "that is not constant",
            expected="a labelled voxel",
        )


def _fitted(
    training: Training, parameters: dict[str, Any], tuning: pd.DataFrame
) -> FittedClassical:
    return FittedClassical(
        method=training.settings.classical,
        modalities=training.modalities,
        labels=dict(training.labels),
        parameters=parameters,
        cases=tuple(files.case for files in training.cases),
        tuning=tuning,
    )


def _tuning(candidates: Sequence[dict[str, Any]], scores: Sequence[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "candidate": range(len(candidates)),
            "parameters": [json.dumps(c, sort_keys=True) for c in candidates],
            "dice": [_mean(dices) for dices in scores],
            "scores": [len(dices) for dices in scores],
        }
    )


def _dices(drawn: Sequence[Labels], chosen: Sequence[Scene], labels: int) -> list[float]:
    """Dice of each label in each case, where it is drawn or there."""
    scores: list[float] = []
    for one, scene in zip(drawn, chosen, strict=True):
        both = _meetings(one, _classes(scene), labels + 1, labels + 1)
        for label in range(1, labels + 1):
            total = both[label].sum() + both[:, label].sum()
            if total:
                scores.append(2 * float(both[label, label]) / float(total))
    return scores


def _mean(dices: Sequence[float]) -> float:
    return float(np.mean(dices)) if len(dices) else 0.0


def _meetings(a: Labels, b: Labels, rows: int, columns: int) -> npt.NDArray[np.int64]:
    """How many voxels are of class i in `a` and of class j in `b`, `(rows, columns)`."""
    pairs = a.ravel().astype(np.intp) * columns + b.ravel()
    return np.bincount(pairs, minlength=rows * columns).reshape(rows, columns)


def _assign(tables: npt.NDArray[np.int64]) -> tuple[list[int], float]:
    """The label of each class of intensity that gives the highest mean Dice, one change at a time.

    Args:
        tables: of each case, voxels of class i with label j, `(cases, classes, labels + 1)`.

    Returns:
        The label of each class, 0 for background, and the mean Dice.
    """
    classes, columns = tables.shape[1:]
    chosen, best = [0] * classes, 0.0
    while True:
        changed = [
            [*chosen[:k], label, *chosen[k + 1 :]]
            for k in range(classes)
            for label in range(columns)
        ]
        scores = [_dice_of(tables, tuple(change)) for change in changed]
        top = int(np.argmax(scores))
        if scores[top] <= best:
            return chosen, best
        chosen, best = changed[top], scores[top]


def _dice_of(tables: npt.NDArray[np.int64], chosen: tuple[int, ...]) -> float:
    given = np.array(chosen)
    scores = []
    for label in range(1, tables.shape[2]):
        drawn = tables[:, given == label]
        total = drawn.sum(axis=(1, 2)) + tables[:, :, label].sum(axis=1)
        common = drawn[:, :, label].sum(axis=1)
        scores.append(2 * common[total > 0] / total[total > 0])
    return _mean(np.concatenate(scores).tolist())
