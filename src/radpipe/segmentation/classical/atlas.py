"""Atlases: training cases laid over a new one, their labels joined."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from radpipe.config import Registration
from radpipe.errors import CaseError
from radpipe.imaging.registration import register_rigid
from radpipe.io import images
from radpipe.segmentation.classical.fitted import Atlas
from radpipe.segmentation.classical.scenes import Scene
from radpipe.types import Labels, Volume

THUMBNAIL = 12
"""Voxels a side of the picture by which near training cases are found."""

RIGID = Registration(iterations=40)
AFFINE_STEPS = 60
SAMPLES = 15_000
SMALLEST_AXIS = 8


def make_atlas(scene: Scene, direction: tuple[float, ...]) -> Atlas:
    """A training case as it is kept; its place in the world is not, only its size and axes."""
    assert scene.classes is not None
    image = image_of(scene, direction)
    return Atlas(image, images.image_like(scene.classes, image))


def image_of(scene: Scene, direction: tuple[float, ...]) -> sitk.Image:
    """The first image of a scene with its voxel size and axes, its middle at the origin."""
    image = sitk.GetImageFromArray(scene.image)
    image.SetSpacing(scene.spacing_mm[::-1])
    image.SetDirection(direction)
    centre = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    image.SetOrigin([-c for c in centre])
    return image


def nearest(atlases: Sequence[Atlas], image: sitk.Image, count: int) -> list[Atlas]:
    """The atlases whose coarse picture correlates best with that of an image, best first."""
    wanted = _thumbnail(image)
    likeness = [float((_thumbnail(atlas.image) * wanted).mean()) for atlas in atlases]
    order = np.argsort(-np.array(likeness), kind="stable")[:count]
    return [atlases[i] for i in order]


def propagate(atlas: Atlas, target: sitk.Image, seed: int) -> Labels | None:
    """Classes of an atlas on the grid of `target`, after rigid and affine registration.

    Returns:
        Classes `(z, y, x)`; none if the two images cannot be laid over each other.
    """
    try:
        rigid = register_rigid(target, atlas.image, RIGID, seed).transform
    except CaseError:  # no overlap, or an image without structure: this atlas says nothing
        return None
    transform = _affine(target, atlas.image, sitk.Euler3DTransform(rigid), seed)
    classes = [int(v) for v in np.unique(images.labels_of(atlas.classes)) if v]
    result = np.zeros(target.GetSize()[::-1], np.uint8)
    highest = np.full(result.shape, 0.5, np.float32)
    for value in classes:
        member = sitk.Cast(atlas.classes == value, sitk.sitkFloat32)
        moved = sitk.Resample(member, target, transform, sitk.sitkLinear, 0.0)
        share = images.array_of(moved)
        ahead = share >= highest
        result[ahead] = value
        highest[ahead] = share[ahead]
    return result


def vote(drawn: Sequence[Labels], labels: int) -> Labels:
    """The class that most atlases give; the background wins a tie."""
    votes = np.stack([sum((d == v).astype(np.uint16) for d in drawn) for v in range(labels + 1)])
    return votes.argmax(axis=0).astype(np.uint8)


def staple(drawn: Sequence[Labels], labels: int) -> Labels:
    """STAPLE a label (Warfield et al., IEEE Trans Med Imaging 2004;23:903), the likeliest wins."""
    chances = np.full((labels + 1, *drawn[0].shape), 0.5, np.float32)
    for value in range(1, labels + 1):
        chances[value] = _staple([d == value for d in drawn])
    return chances.argmax(axis=0).astype(np.uint8)


def _staple(members: Sequence[npt.NDArray[np.bool_]]) -> Volume:
    """Chance of each voxel to be inside; atlases that agree leave nothing to be estimated."""
    if all(np.array_equal(member, members[0]) for member in members[1:]):
        return members[0].astype(np.float32)
    union = np.logical_or.reduce(members)
    # Far away all agree on background, which would drown the estimate: a frame around is enough.
    where = ndimage.find_objects(ndimage.binary_dilation(union, iterations=3).astype(np.uint8))[0]
    rated = [sitk.GetImageFromArray(member[where].astype(np.uint8)) for member in members]
    chance = np.zeros(union.shape, np.float32)
    chance[where] = sitk.GetArrayFromImage(sitk.STAPLE(rated, 1.0, 1.0, 100))
    return chance


def _affine(
    fixed: sitk.Image, moving: sitk.Image, rigid: sitk.Euler3DTransform, seed: int
) -> sitk.Transform:
    """A rigid alignment made affine; it is kept if the images agree no better afterwards."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(rigid.GetMatrix())
    transform.SetCenter(rigid.GetCenter())
    transform.SetTranslation(rigid.GetTranslation())
    start = sitk.AffineTransform(transform)
    method = _method()
    share = min(1.0, SAMPLES / fixed.GetNumberOfPixels())
    shrink = 2 if min(*fixed.GetSize(), *moving.GetSize()) >= 2 * SMALLEST_AXIS else 1
    method.SetShrinkFactorsPerLevel([shrink, 1])
    method.SetSmoothingSigmasPerLevel([2, 1])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentagePerLevel([min(1.0, share * shrink**3), share], seed or 1)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, AFFINE_STEPS, 0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(fixed, moving)
        better = _mismatch(fixed, moving, transform) < _mismatch(fixed, moving, start)
    except RuntimeError:  # ITK: the image was moved out of sight
        better = False
    return transform if better else start


def _method() -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(32)
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _mismatch(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> float:
    method = _method()
    method.SetInitialTransform(transform)
    return float(method.MetricEvaluate(fixed, moving))


def _thumbnail(image: sitk.Image) -> Volume:
    """A coarse picture of the whole field of view, mean 0 and SD 1; zeros if it is flat."""
    values = images.array_of(image)
    values = ndimage.gaussian_filter(values, [max(0.0, n / THUMBNAIL / 2) for n in values.shape])
    picks = [np.linspace(0, n - 1, THUMBNAIL).round().astype(int) for n in values.shape]
    small = values[np.ix_(*picks)]
    sd = float(small.std())
    scaled: Volume = (small - small.mean()) / sd if sd > 0 else np.zeros_like(small)
    return scaled
