"""Rigid alignment of one image of a case to another by their mutual information.

Mattes et al., IEEE Trans Med Imaging 2003;22:120, as in ITK's registration framework.
"""

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from radpipe.config import Registration
from radpipe.errors import CaseError
from radpipe.imaging.importing import is_blank
from radpipe.imaging.threads import single_thread

MINIMUM_SAMPLES = 20_000
"""A level samples at least so many voxels: a share of a shrunk image alone would be noise."""

SMALLEST_AXIS = 8
"""Shrinking stops before an axis has fewer voxels."""


@dataclass(frozen=True)
class RegistrationResult:
    """A transform and how well it aligns.

    Attributes:
        transform: maps points of the fixed image (the reference) to points of the moving one.
        quality: `metric_before`, `metric_after` (Mattes mutual information of all voxels in nats,
            higher is better), `iterations`, `translation_mm` (of the centre of the fixed image),
            `rotation_deg`, `improved` (1; 0: nothing better was found and world coordinates are
            kept).
    """

    transform: sitk.Transform
    quality: dict[str, float]


def register_rigid(
    fixed: sitk.Image,
    moving: sitk.Image,
    settings: Registration,
    seed: int,
    *,
    case: str | None = None,
) -> RegistrationResult:
    """Find the rotation and translation that bring `moving` to `fixed`.

    The search starts from the best of three guesses (world coordinates, centres of the grids,
    centres of mass) and goes from coarse to fine. If it ends worse than it began, the image stays
    where its world coordinates put it.

    Args:
        fixed: the reference.
        moving: the image to bring to it; another contrast and grid may be. One that stands for a
            missing image stays where it is, with nothing to report.
        settings: histogram bins, sampling, levels and iterations.
        seed: of the voxels sampled; equal seeds give equal transforms, bit by bit.
        case: for the message.

    Raises:
        CaseError: the images do not overlap, from whichever guess.
    """
    if is_blank(moving):
        return RegistrationResult(_centred(fixed), {})
    with single_thread():
        fixed, moving = (sitk.Cast(image, sitk.sitkFloat32) for image in (fixed, moving))
        identity = _centred(fixed)
        guesses = [identity, *_centred_guesses(fixed, moving)]
        scores = [_information(fixed, moving, guess, settings.bins) for guess in guesses]
        best = int(np.argmax(scores))
        if scores[best] == -math.inf:
            raise CaseError(
                "the images cannot be registered",
                case=case,
                found="no overlap of the moving image with the reference",
                expected="images of the same part of the body",
            )
        transform = sitk.Euler3DTransform(guesses[best])
        iterations = _optimise(fixed, moving, transform, settings, seed)
        after = _information(fixed, moving, transform, settings.bins)
    improved = after > scores[0]
    result = transform if improved else identity
    before = scores[0] if math.isfinite(scores[0]) else 0.0
    quality = {
        "metric_before": before,
        "metric_after": after if improved else before,
        "iterations": float(iterations),
        "improved": float(improved),
        **motion(result, fixed),
    }
    return RegistrationResult(result, quality)


def motion(transform: sitk.Euler3DTransform, fixed: sitk.Image) -> dict[str, float]:
    """How far a rigid transform moves the centre of an image (mm) and turns it (degrees)."""
    centre = np.array(_centre(fixed))
    shift = np.array(transform.TransformPoint(centre.tolist())) - centre
    turn = np.array(transform.GetMatrix()).reshape(3, 3)
    cosine = np.clip((np.trace(turn) - 1) / 2, -1, 1)
    return {
        "translation_mm": float(np.linalg.norm(shift)),
        "rotation_deg": math.degrees(math.acos(cosine)),
    }


def _optimise(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Euler3DTransform,
    settings: Registration,
    seed: int,
) -> int:
    """Improve `transform` in place over all levels; iterations of the last level."""
    factors = [_shrink_factor(f, fixed, moving) for f in settings.shrink]
    method = _method(settings.bins)
    method.SetShrinkFactorsPerLevel(factors)
    method.SetSmoothingSigmasPerLevel(settings.smoothing_mm)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentagePerLevel(
        [_sampling_share(f, fixed, settings.sampling) for f in factors], seed or 1
    )
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0,
        minStep=3e-4,
        numberOfIterations=settings.iterations,
        relaxationFactor=0.7,
        gradientMagnitudeTolerance=1e-7,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(fixed, moving)
    return int(method.GetOptimizerIteration())


def _method(bins: int) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(bins)
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _information(
    fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform, bins: int
) -> float:
    """Mattes mutual information over all voxels, nats; -inf where the images do not overlap."""
    method = _method(bins)
    method.SetInitialTransform(transform)
    try:
        return -float(method.MetricEvaluate(fixed, moving))
    except RuntimeError:  # ITK: too few samples map inside the moving image
        return -math.inf


def _centre(image: sitk.Image) -> tuple[float, ...]:
    middle = [(n - 1) / 2 for n in image.GetSize()]
    return tuple(image.TransformContinuousIndexToPhysicalPoint(middle))


def _centred(fixed: sitk.Image) -> sitk.Euler3DTransform:
    """The identity, turning about the centre of the fixed image."""
    transform = sitk.Euler3DTransform()
    transform.SetCenter(_centre(fixed))
    return transform


def _centred_guesses(fixed: sitk.Image, moving: sitk.Image) -> list[sitk.Euler3DTransform]:
    """Centres of the grids, and centres of mass, laid over each other."""
    kinds = sitk.CenteredTransformInitializerFilter
    start = sitk.Euler3DTransform()
    guesses = [sitk.CenteredTransformInitializer(fixed, moving, start, kinds.GEOMETRY)]
    # Mass is counted from the minimum: air of -1000 in a CT would weigh less than nothing.
    masses = [sitk.Cast(i - _minimum(i), sitk.sitkFloat32) for i in (fixed, moving)]
    if all(sitk.GetArrayViewFromImage(mass).any() for mass in masses):
        guesses.append(sitk.CenteredTransformInitializer(*masses, start, kinds.MOMENTS))
    return [sitk.Euler3DTransform(guess) for guess in guesses]


def _minimum(image: sitk.Image) -> float:
    return float(sitk.GetArrayViewFromImage(image).min())


def _shrink_factor(factor: int, fixed: sitk.Image, moving: sitk.Image) -> int:
    smallest = min(*fixed.GetSize(), *moving.GetSize())
    return max(1, min(factor, smallest // SMALLEST_AXIS))


def _sampling_share(factor: int, fixed: sitk.Image, share: float) -> float:
    voxels = max(1.0, fixed.GetNumberOfPixels() / factor**3)
    return min(1.0, max(share, MINIMUM_SAMPLES / voxels))
