"""Classical methods: what each finds in phantoms, what it learns, what it refuses."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import SimpleITK as sitk

from radpipe.config import Classical
from radpipe.config.segmentation import ClassicalName, Cleaning, Crf
from radpipe.errors import CaseError, ConfigError, FitError, RadpipeError
from radpipe.segmentation.classical.drawing import segment_classical
from radpipe.segmentation.classical.fitted import ONE_REGION
from radpipe.segmentation.classical.fitting import fit_classical
from radpipe.segmentation.classical.scenes import (
    NO_MARGINS,
    Scene,
    box_around,
    shrink_factors,
    shrunk,
    stretched,
    thinned,
)
from radpipe.segmentation.classical.storage import load_classical, save_classical
from radpipe.segmentation.classical.thresholds import reference_candidates, reference_sd
from radpipe.types import CaseFiles

NAMES = get_args(ClassicalName)
ONE = {"lesion": 1}
TWO = {"rim": 2, "core": 5}
SIZE = (16, 20, 22)
SPACING = (1.0, 1.0, 1.5)


def write_case(
    folder: Path, name: str, modalities: dict[str, np.ndarray], mask: np.ndarray
) -> CaseFiles:
    """Prepared images and mask of a case, voxels of 1.0 x 1.0 x 1.5 mm (x y z)."""
    files: dict[str, Path | None] = {}
    for modality, values in {**modalities, "mask": mask}.items():
        kind = np.uint8 if modality == "mask" else np.float32
        image = sitk.GetImageFromArray(values.astype(kind))
        image.SetSpacing(SPACING)
        files[modality] = folder / f"{name}_{modality}.nii.gz"
        sitk.WriteImage(image, files[modality])
    return CaseFiles(name, files, files.pop("mask"))


def ball(centre: tuple[float, ...], radius: float) -> np.ndarray:
    """Voxels within `radius` voxels of `centre`."""
    grid = np.indices(SIZE)
    return sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) <= radius**2


def phantom(number: int, contrast: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    """Noise of SD 1 about 10 with a ball that is `contrast` brighter, at another place each."""
    rng = np.random.default_rng(number)
    mask = ball(tuple(np.array([8, 10, 11]) + rng.uniform(-1.5, 1.5, 3)), rng.uniform(3.5, 4.5))
    return 10 + rng.normal(0, 1, SIZE) + contrast * mask, mask.astype(np.uint8)


def nested(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A core (value 5 in the mask) brighter than the rim (2) around it."""
    rng = np.random.default_rng(number)
    centre = tuple(np.array([8, 10, 11]) + rng.uniform(-1, 1, 3))
    mask = np.where(ball(centre, 3.5), 5, np.where(ball(centre, 6), 2, 0))
    level = np.array([10, 0, 16, 0, 0, 22])[mask]
    return level + rng.normal(0, 1, SIZE), mask


def ball_cases(folder: Path, count: int, contrast: float = 6.0) -> list[CaseFiles]:
    folder.mkdir(exist_ok=True)
    pairs = [phantom(n, contrast) for n in range(count)]
    return [write_case(folder, f"c{n}", {"T1w": v}, m) for n, (v, m) in enumerate(pairs)]


def dice(drawn: sitk.Image, files: CaseFiles, value: int = 1) -> float:
    a = sitk.GetArrayFromImage(drawn) == value
    b = sitk.GetArrayFromImage(sitk.ReadImage(str(files.mask))) == value
    return 2 * (a & b).sum() / max(1, a.sum() + b.sum())


def settings(name: str, **changes: Any) -> Classical:
    return Classical(name="it", classical=name, **changes)


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> list[CaseFiles]:
    """Four cases to train on and one to draw."""
    return ball_cases(tmp_path_factory.mktemp("bright"), 4)


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory) -> list[CaseFiles]:
    return ball_cases(tmp_path_factory.mktemp("dark"), 4, contrast=-6.0)


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> list[CaseFiles]:
    folder = tmp_path_factory.mktemp("layered")
    pairs = [nested(n) for n in range(4)]
    return [write_case(folder, f"c{n}", {"T1w": v}, m) for n, (v, m) in enumerate(pairs)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["bright", "dark"])
def test_contract(name: str, kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Each method finds a ball that it has not seen, and so does what is read from its folder."""
    *training, unseen = request.getfixturevalue(kind)
    own = settings(name, atlases=2)
    fitted = fit_classical(training, own, ONE, seed=3)
    drawn = segment_classical(fitted, unseen, own, ONE)
    image = sitk.ReadImage(str(unseen.images["T1w"]))
    assert drawn.GetPixelID() == sitk.sitkUInt8
    assert drawn.GetSize() == image.GetSize()
    assert drawn.GetOrigin() == image.GetOrigin()
    assert drawn.GetSpacing() == image.GetSpacing()
    assert dice(drawn, unseen) > 0.7

    save_classical(fitted, tmp_path)
    assert not list(tmp_path.rglob("*.pkl"))
    again = segment_classical(load_classical(tmp_path), unseen, own, ONE)
    assert sitk.Hash(again) == sitk.Hash(drawn)
    constant = write_case(tmp_path, "flat", {"T1w": np.full(SIZE, 7.0)}, np.zeros(SIZE))
    assert not sitk.GetArrayFromImage(segment_classical(fitted, constant, own, ONE)).any()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ONE_REGION])
def test_several_labels(name: str, layered: list[CaseFiles]) -> None:
    """Where two labels differ in intensity each is drawn, except by the two classes of Otsu."""
    *training, unseen = layered
    own = settings(name, atlases=2)
    if name == "otsu":
        with pytest.raises(ConfigError, match=r"too few for the labels.*name multi_otsu"):
            fit_classical(training, own, TWO, seed=3)
        return
    fitted = fit_classical(training, own, TWO, seed=3)
    drawn = segment_classical(fitted, unseen, own, TWO)
    found = {value: round(dice(drawn, unseen, value), 3) for value in TWO.values()}
    assert min(found.values()) > 0.7
    assert set(np.unique(sitk.GetArrayFromImage(drawn))) <= {0, 2, 5}


@pytest.mark.parametrize("name", ONE_REGION)
def test_methods_of_one_region_refuse_several_labels(name: str, layered: list[CaseFiles]) -> None:
    with pytest.raises(ConfigError, match="cannot tell labels apart; found 2 labels"):
        fit_classical(layered, settings(name), TWO, seed=3)


@pytest.mark.parametrize("name", NAMES)
def test_a_lesion_of_one_voxel(name: str, tmp_path: Path) -> None:
    """Thresholds find it; others may not, but nothing fails."""
    mask = np.zeros((8, 9, 10))
    mask[4, 5, 6] = 1
    values = np.random.default_rng(0).normal(0, 1, mask.shape) + 20 * mask
    case = write_case(tmp_path, "dot", {"T1w": values}, mask)
    own = settings(name, within="box", margin_mm=3.0, atlases=1)
    drawn = segment_classical(
        fit_classical([case], own, ONE, seed=1), case, own, ONE, box=case.mask
    )
    if name in ("otsu", "fwhm", "reference_sd"):
        assert dice(drawn, case) == 1


@pytest.mark.parametrize("name", ["fwhm", "kmeans", "chan_vese", "svm", "atlas"])
def test_the_same_seed_gives_the_same_bytes(
    name: str, bright: list[CaseFiles], tmp_path: Path
) -> None:
    own = settings(name, within="box", margin_mm=4.0, atlases=1)
    for folder in ("a", "b"):
        save_classical(fit_classical(bright[:2], own, ONE, seed=5), tmp_path / folder)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_threads_change_nothing(bright: list[CaseFiles], tmp_path: Path) -> None:
    own = settings("random_forest", within="box", margin_mm=4.0)
    hashes = [
        save_classical(fit_classical(bright[:2], own, ONE, seed=5, threads=n), tmp_path / str(n))
        for n in (1, 2)
    ]
    assert hashes[0] == hashes[1]


def test_polarity_and_a_free_threshold_are_learned(
    bright: list[CaseFiles], dark: list[CaseFiles]
) -> None:
    for cases, polarity in ((bright, 1), (dark, -1)):
        fitted = fit_classical(cases[:3], settings("reference_sd"), ONE, seed=1)
        assert fitted.parameters["polarity"] == polarity
        best = fitted.tuning["dice"].max()
        chosen = fitted.tuning["dice"].idxmax()
        assert (
            f'"deviations": {fitted.parameters["deviations"]}'
            in fitted.tuning["parameters"][chosen]
        )
        assert best > 0.8


def test_a_given_threshold_is_used(tmp_path: Path) -> None:
    """Counts 0 around, 10 at the peak, 6 and 4 beside it: 41 % of 10 takes 6, not 4."""
    values = np.zeros((5, 6, 7))
    values[2, 3, 2:5] = 6, 10, 4
    mask = values > 5
    case = write_case(tmp_path, "pet", {"PET": values}, mask)
    for fraction, expected in ((0.41, 2), (0.4, 3), (0.7, 1)):
        own = settings("fwhm", fraction=fraction)
        fitted = fit_classical([case], own, ONE, seed=1)
        assert set(fitted.tuning["parameters"].str.contains(f'"fraction": {fraction}')) == {True}
        assert sitk.GetArrayFromImage(segment_classical(fitted, case, own, ONE)).sum() == expected


@pytest.mark.parametrize(("deviations", "expected"), [(3.0, 2), (4.0, 1)])
def test_deviations_count_from_the_surroundings(deviations: float, expected: int) -> None:
    """Surroundings of -1 and 1 in turn: mean 0, SD 1; at 3 SD a voxel of 3.5 is in, at 4 out."""
    values = np.where(np.indices((6, 8, 8)).sum(0) % 2, 1.0, -1.0)
    values[3, 4, 3:5] = 3.5, 9
    parameters = {"reference": "surroundings", "polarity": 1, "connected": True}
    drawn = reference_sd(scene(values), {**parameters, "deviations": deviations})
    assert drawn.sum() == drawn[3, 4, 3:5].sum() == expected
    upside_down = {**parameters, "polarity": -1, "deviations": deviations}
    assert np.array_equal(reference_sd(scene(-values), upside_down), drawn)


def test_settings_fix_what_is_else_tuned() -> None:
    assert {c["deviations"] for c in reference_candidates(settings("reference_sd"))} >= {2.0, 6.0}
    fixed = reference_candidates(settings("reference_sd", deviations=2.2))
    assert {c["deviations"] for c in fixed} == {2.2}


def test_which_class_is_the_lesion_is_learned(tmp_path: Path) -> None:
    """Three levels; the lesion is the one in the middle, which no threshold alone finds."""
    values = np.random.default_rng(0).choice([0.0, 5.0, 9.0], (8, 8, 8))
    case = write_case(tmp_path, "mid", {"T1w": values}, values == 5)
    for name in ("multi_otsu", "kmeans", "gaussian_mixture"):
        fitted = fit_classical([case], settings(name), ONE, seed=1)
        assert fitted.parameters["classes_to_labels"] == [0, 1, 0]
        assert dice(segment_classical(fitted, case, settings(name), ONE), case) == 1


def test_nothing_is_drawn_outside_the_box(bright: list[CaseFiles]) -> None:
    own = settings("otsu", within="box", margin_mm=2.0)
    fitted = fit_classical(bright[:2], own, ONE, seed=1)
    drawn = sitk.GetArrayFromImage(
        segment_classical(fitted, bright[3], own, ONE, box=bright[3].mask)
    )
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(bright[3].mask))) > 0
    # 2 mm are two voxels along x and y (1.0 mm) and, rounded up, two along z (1.5 mm).
    window, margins = box_around(mask, (1.5, 1.0, 1.0), 2.0)
    assert margins == ((2, 2), (2, 2), (2, 2))
    assert drawn[window].sum() == drawn.sum() > 0


def test_only_the_box_of_the_mask_is_used(bright: list[CaseFiles], tmp_path: Path) -> None:
    """A mask of another shape with the same bounding box gives the same result."""
    own = settings("watershed", within="box", margin_mm=4.0)
    fitted = fit_classical(bright[:2], own, ONE, seed=1)
    case = bright[3]
    image = sitk.ReadImage(str(case.mask))
    mask = sitk.GetArrayFromImage(image)
    corners = np.zeros_like(mask)
    window, _ = box_around(mask > 0, (1.5, 1.0, 1.0), 0.0)
    corners[tuple(s.start for s in window)] = corners[tuple(s.stop - 1 for s in window)] = 1
    other = sitk.GetImageFromArray(corners)
    other.CopyInformation(image)
    sitk.WriteImage(other, tmp_path / "corners.nii.gz")
    drawn = [
        segment_classical(fitted, case, own, ONE, box=box)
        for box in (case.mask, tmp_path / "corners.nii.gz")
    ]
    assert sitk.Hash(drawn[0]) == sitk.Hash(drawn[1])


def test_a_box_is_asked_for(bright: list[CaseFiles]) -> None:
    own = settings("otsu", within="box")
    fitted = fit_classical(bright[:2], own, ONE, seed=1)
    with pytest.raises(CaseError, match="case 'c3': the case has no mask to set a box around"):
        segment_classical(fitted, bright[3], own, ONE)
    with pytest.raises(ConfigError, match="fitted for another region; found box, expected image"):
        segment_classical(fitted, bright[3], settings("otsu"), ONE)


def test_an_empty_box_gives_an_empty_mask(bright: list[CaseFiles], tmp_path: Path) -> None:
    own = settings("otsu", within="box")
    fitted = fit_classical(bright[:2], own, ONE, seed=1)
    empty = write_case(tmp_path, "none", {"T1w": phantom(9)[0]}, np.zeros(SIZE))
    drawn = segment_classical(fitted, empty, own, ONE, box=empty.mask)
    assert not sitk.GetArrayFromImage(drawn).any()


def test_voxel_classifiers_see_all_modalities(tmp_path: Path) -> None:
    """The lesion is where two images are bright at once; neither shows it alone."""
    cases = []
    for n in range(3):
        rng = np.random.default_rng(n)
        a, b = np.zeros(SIZE), np.zeros(SIZE)
        a[:, :13], b[:, :, 10:] = 5, 5
        mask = (a > 0) & (b > 0) & (np.indices(SIZE)[0] > 3)
        noise = rng.normal(0, 0.5, (2, *SIZE))
        values = {"T1w": noise[0] + a * (np.indices(SIZE)[0] > 3), "FLAIR": noise[1] + b}
        cases.append(write_case(tmp_path, f"m{n}", values, mask))
    own = settings("knn", modality="FLAIR")
    fitted = fit_classical(cases[:2], own, ONE, seed=1)
    assert fitted.modalities == ("FLAIR", "T1w")
    assert dice(segment_classical(fitted, cases[2], own, ONE), cases[2]) > 0.9


def test_a_missing_image_is_seen_as_zeros(bright: list[CaseFiles], tmp_path: Path) -> None:
    values, mask = phantom(8)
    both = write_case(tmp_path, "x", {"T1w": values, "CT": values}, mask)
    own = settings("otsu", modality="T1w")
    fitted = fit_classical([*bright[:2], both], own, ONE, seed=1)
    without = CaseFiles("x", {**both.images, "T1w": None}, both.mask)
    assert not sitk.GetArrayFromImage(segment_classical(fitted, without, own, ONE)).any()
    nothing = CaseFiles("x", {"T1w": None, "CT": None}, both.mask)
    with pytest.raises(CaseError, match="case 'x': the case has no image"):
        segment_classical(fitted, nothing, own, ONE)


def test_cleaning_is_done(bright: list[CaseFiles]) -> None:
    tidy = settings("otsu", cleaning=Cleaning(minimum_ml=1000.0))
    fitted = fit_classical(bright[:2], tidy, ONE, seed=1)
    assert sitk.GetArrayFromImage(segment_classical(fitted, bright[3], settings("otsu"), ONE)).any()
    assert not sitk.GetArrayFromImage(segment_classical(fitted, bright[3], tidy, ONE)).any()


def test_what_cannot_be_fitted_is_said(bright: list[CaseFiles], tmp_path: Path) -> None:
    flat = write_case(tmp_path, "flat", {"T1w": np.ones(SIZE)}, phantom(1)[1])
    bare = write_case(tmp_path, "bare", {"T1w": phantom(1)[0]}, np.zeros(SIZE))
    for name in ("otsu", "fwhm", "watershed", "knn", "atlas"):
        for cases in ([flat], [bare]):
            with pytest.raises(FitError, match="1 training cases without a labelled voxel"):
                fit_classical(cases, settings(name), ONE, seed=1)
    with pytest.raises(FitError, match="needs training cases"):
        fit_classical([], settings("otsu"), ONE, seed=1)
    with pytest.raises(ConfigError, match="modality that cases do not have; found PET"):
        fit_classical(bright, settings("otsu", modality="PET"), ONE, seed=1)
    with pytest.raises(ConfigError, match="no probabilities"):
        fit_classical(bright, settings("otsu", cleaning=Cleaning(crf=Crf())), ONE, seed=1)
    full = write_case(tmp_path, "full", {"T1w": phantom(1)[0]}, np.ones(SIZE))
    with pytest.raises(FitError, match=r"classes \[1\] only; a larger margin_mm"):
        fit_classical([full], settings("knn"), ONE, seed=1)


def test_a_changed_folder_is_refused(bright: list[CaseFiles], tmp_path: Path) -> None:
    save_classical(fit_classical(bright[:2], settings("knn"), ONE, seed=1), tmp_path)
    (tmp_path / "estimator.skops").write_bytes(b"other")
    with pytest.raises(RadpipeError, match="was changed"):
        load_classical(tmp_path)
    (tmp_path / "classical.json").unlink()
    with pytest.raises(RadpipeError, match="holds no classical segmenter"):
        load_classical(tmp_path)


def scene(values: np.ndarray, classes: np.ndarray | None = None) -> Scene:
    limits = (float(values.min()), float(values.max()))
    return Scene(
        values[None].astype(np.float32), (3.0, 1.0, 1.0), limits, NO_MARGINS, False, classes
    )


def test_the_finest_axes_are_shrunk_first() -> None:
    assert shrink_factors((4, 30, 30), (3.0, 1.0, 1.0), 4 * 10 * 10) == (1, 3, 3)
    assert shrink_factors((1, 40, 40), (0.1, 1.0, 1.0), 100) == (1, 4, 4)


def test_shrinking_takes_means_and_stretching_gives_them_back() -> None:
    values = np.repeat(np.repeat(np.arange(4.0).reshape(1, 2, 2), 3, 1), 3, 2)
    big = scene(values)
    small = shrunk(big, 4)
    assert small.image.tolist() == [[[0, 1], [2, 3]]]
    assert small.spacing_mm == (3.0, 3.0, 3.0)
    half = np.zeros((1, 6, 6), np.uint8)
    half[:, 3:] = 1
    assert np.array_equal(stretched((small.image >= 2).astype(np.uint8), big, 4), half)


def test_thinning_never_loses_a_label() -> None:
    classes = np.zeros((2, 10, 10), np.uint8)
    classes[1, 5, 5] = 1
    dotted = scene(np.random.default_rng(0).normal(size=classes.shape), classes)
    assert thinned(dotted, 60) is dotted
    classes[:, 4:8, 4:8] = 1
    assert thinned(dotted, 60).size == (2, 5, 5)


@pytest.mark.slow
def test_pet_threshold_in_a_box_on_real_sarcomas(test_data: Path) -> None:
    """Six patients to learn the share of the maximum from, six to draw."""
    folder = test_data / "sts_subset" / "nifti"
    cases = [
        CaseFiles(f.name, {"PET": f / "PET_image.nii.gz"}, f / "PET_mask.nii.gz")
        for f in sorted(folder.iterdir())
    ]
    own = settings("fwhm", within="box", margin_mm=15.0)
    fitted = fit_classical(cases[::2], own, ONE, seed=1)
    scores = [dice(segment_classical(fitted, c, own, ONE, box=c.mask), c) for c in cases[1::2]]
    print(
        f"sarcomas, PET, fwhm {fitted.parameters['fraction']}: Dice {np.mean(scores):.3f}", scores
    )
    assert np.mean(scores) > 0.5


@pytest.mark.slow
def test_atlas_on_real_hippocampi(test_data: Path) -> None:
    """Twelve atlases, three nearest joined, two cases drawn; labels differ in place only."""
    folder = test_data / "msd_hippocampus"
    cases = [
        CaseFiles(f.name, {"T1w": f}, folder / "labelsTr" / f.name)
        for f in sorted((folder / "imagesTr").glob("*.nii.gz"))[:14]
    ]
    labels = {"anterior": 1, "posterior": 2}
    own = settings("atlas", atlases=3)
    fitted = fit_classical(cases[:12], own, labels, seed=1)
    drawn = [segment_classical(fitted, case, own, labels) for case in cases[12:]]
    scores = [dice(d, c, v) for d, c in zip(drawn, cases[12:], strict=True) for v in (1, 2)]
    print(f"hippocampi, atlas: Dice {np.mean(scores):.3f}", scores)
    assert np.mean(scores) > 0.6
