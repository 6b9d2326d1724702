"""Classifiers of single voxels: what they see of each, and how they are trained."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from radpipe.errors import FitError
from radpipe.segmentation.classical.scenes import Scene
from radpipe.types import Labels, Volume

SAMPLES = {"knn": 6_000, "svm": 3_000, "random_forest": 20_000}
"""Voxels of all training cases together: time and memory grow with them (SVM: their square)."""

LABELLED = 0.5
"""Share of the samples that carry a label, where there are enough."""

NEIGHBOURS_ASKED = 15
FINE_MM = 1.5
COARSE_MM = 4.0
CHUNK = 100_000
SHIFTS = tuple(round(0.1 * k, 1) for k in range(-4, 10))
"""What is added to the background's score; samples hold more labelled voxels than images do."""

SCORE_RANGE = {"knn": 1.0, "svm": 2.0, "random_forest": 1.0}
"""Of the difference of two scores: shares of votes, or distances to a margin."""


@dataclass(frozen=True)
class VoxelSettings:
    """How a classifier is trained: its name, labels beside the background, seed and threads."""

    method: str
    labels: int
    seed: int
    threads: int


def voxel_features(scene: Scene) -> npt.NDArray[np.float32]:
    """What a classifier sees of each voxel, `(voxels, 4 C + 3)`.

    Of every modality its value, two smoothed values and the size of the gradient; then the place
    in the scene, -1 to 1 along z, y, x.
    """
    columns: list[Volume] = []
    for channel in scene.channels:
        columns += [
            channel,
            ndimage.gaussian_filter(channel, scene.sigma(FINE_MM)),
            ndimage.gaussian_filter(channel, scene.sigma(COARSE_MM)),
            ndimage.gaussian_gradient_magnitude(channel, scene.sigma(FINE_MM)),
        ]
    places = [2 * (np.arange(n, dtype=np.float32) + 0.5) / n - 1 for n in scene.size]
    columns += list(np.meshgrid(*places, indexing="ij"))
    return np.stack([c.ravel() for c in columns], axis=1).astype(np.float32, copy=False)


def train_voxels(scenes: Sequence[Scene], settings: VoxelSettings) -> Pipeline:
    """A classifier trained on some voxels of each scene.

    Raises:
        FitError: there is no background to be seen.
    """
    share = SAMPLES[settings.method] // len(scenes)
    features, targets = [], []
    for number, scene in enumerate(scenes):
        assert scene.classes is not None
        classes = scene.classes.ravel()
        rng = np.random.default_rng([settings.seed, number])
        chosen = _sample(classes, share, rng)
        features.append(voxel_features(scene)[chosen])
        targets.append(classes[chosen])
    y = np.concatenate(targets)
    if np.unique(y).size < 2:
        raise FitError(
            "a voxel classifier needs labelled voxels and others",
            found=f"classes {np.unique(y).tolist()} only",
            hint="a larger margin_mm shows it the surroundings",
        )
    pipeline = _pipeline(settings, y.size).fit(np.concatenate(features), y)
    last = pipeline[-1]
    if "n_jobs" in last.get_params():
        # Trees are grown alike by any number of threads; their votes are added in any order.
        last.set_params(n_jobs=1)
    return pipeline


def voxel_scores(pipeline: Pipeline, scene: Scene, labels: int) -> npt.NDArray[np.float32]:
    """Score of each class at each voxel, `(L + 1, z, y, x)`; -inf for a class never trained on."""
    features = voxel_features(scene)
    last = pipeline[-1]
    scores = np.full((labels + 1, len(features)), -np.inf, np.float32)
    for start in range(0, len(features), CHUNK):
        part = features[start : start + CHUNK]
        if isinstance(last, SVC):
            margins = pipeline.decision_function(part)
            found = np.stack([-margins, margins], 1) if margins.ndim == 1 else margins
        else:
            found = pipeline.predict_proba(part)
        scores[last.classes_, start : start + CHUNK] = found.T
    return scores.reshape(labels + 1, *scene.size)


def draw_voxels(scores: npt.NDArray[np.float32], shift: float) -> Labels:
    """The class with the highest score, after `shift` is added to that of the background."""
    shifted = scores.copy()
    shifted[0] += np.float32(shift)
    return shifted.argmax(axis=0).astype(np.uint8)


def shifts(method: str) -> list[float]:
    """The shifts of the background's score that are tried."""
    return [s * SCORE_RANGE[method] for s in SHIFTS]


def _sample(classes: Labels, share: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Voxels of one case, half of them labelled, the labels alike, as far as there are any."""
    values = [int(v) for v in np.unique(classes[classes > 0])]
    chosen = []
    for value in values:
        where = np.flatnonzero(classes == value)
        wanted = max(1, int(LABELLED * share / len(values)))
        chosen.append(rng.choice(where, min(wanted, where.size), replace=False))
    background = np.flatnonzero(classes == 0)
    wanted = max(1, share - sum(map(len, chosen)))
    if background.size:
        chosen.append(rng.choice(background, min(wanted, background.size), replace=False))
    return np.sort(np.concatenate(chosen))


def _pipeline(settings: VoxelSettings, samples: int) -> Pipeline:
    estimators = {
        "knn": KNeighborsClassifier(
            n_neighbors=min(NEIGHBOURS_ASKED, samples),
            algorithm="brute",  # a tree gains nothing in so many dimensions
            n_jobs=settings.threads,
        ),
        "svm": SVC(C=1.0, gamma="scale", decision_function_shape="ovr"),
        "random_forest": RandomForestClassifier(
            n_estimators=60,
            max_depth=14,
            min_samples_leaf=3,
            n_jobs=settings.threads,
            random_state=settings.seed,
        ),
    }
    return make_pipeline(StandardScaler(), estimators[settings.method])
