"""The planner: numbers that can be checked by hand, and what is true of every plan."""

from math import prod
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.config import Network
from radpipe.errors import CaseError, ConfigError, FitError
from radpipe.networks.registry import build_network, count_parameters
from radpipe.segmentation import cost
from radpipe.segmentation.fingerprint import (
    CaseFacts,
    Fingerprint,
    Intensities,
    LabelFacts,
    Percentiles,
    fingerprint,
)
from radpipe.segmentation.geometry import levels, patch_size, target_spacing
from radpipe.segmentation.plan import Plan, read_plan, write_plan
from radpipe.segmentation.planning import make_plan
from radpipe.types import CaseFiles

LABELS = {"tumour": 1}


def write(array: np.ndarray, path: Path, spacing: tuple[float, float, float] = (1, 1, 1)) -> Path:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))
    return path


def write_case(folder: Path, case: str, mask: np.ndarray, image: np.ndarray) -> CaseFiles:
    return CaseFiles(
        case,
        {"CT": write(image.astype(np.float32), folder / f"{case}.nii.gz", (1, 1, 3))},
        write(mask.astype(np.uint8), folder / f"{case}_mask.nii.gz", (1, 1, 3)),
    )


def same(value: float) -> Percentiles:
    return Percentiles(smallest=value, p10=value, median=value, p90=value, largest=value)


def facts(
    size: tuple[int, int, int] = (35, 50, 35),
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    extent: tuple[float, float, float] = (20.0, 30.0, 20.0),
    *,
    voxels: float = 1500,
    cases: int = 20,
    share: float = 1.0,
    modalities: tuple[str, ...] = ("T1w",),
    missing: int = 0,
) -> Fingerprint:
    """A cohort of equal cases."""
    one = CaseFacts(size=size, spacing_mm=spacing, box=(4, 4, 4), missing=[])
    label = LabelFacts(
        cases=cases,
        voxels=same(voxels),
        volume_ml=same(voxels * prod(spacing) / 1000),
        box_mm=extent,
        components=same(1.0),
        largest_share=same(share),
    )
    return Fingerprint(
        cases={f"c{n}": one for n in range(cases)},
        modalities=list(modalities),
        missing=dict.fromkeys(modalities, missing),
        size=size,
        largest_size=size,
        spacing_mm=spacing,
        finest_mm=spacing,
        one_spacing=True,
        anisotropy=max(spacing) / min(spacing),
        extent_mm=extent,
        labelled_share=voxels / prod(size),
        labels={"tumour": label},
        intensities={m: Intensities(mean=40, sd=20, low=-10, high=90) for m in modalities},
    )


def auto(**keys: object) -> Network:
    return Network(name="a", network="auto", **keys)


def planned(found: Fingerprint, **keys: object) -> Plan:
    return make_plan(auto(**keys), found, LABELS, found.modalities)


def memory(plan: Plan, modalities: int) -> float:
    own = plan.segmenter
    spec = plan.network_spec(inputs=modalities, labels=1)
    patch = own.patch[-spec.dims :]
    counted = cost.count(own.network, spec, patch).of_batch(own.batch)
    return cost.memory_gb(counted, own.budget.device)


class TestFingerprint:
    def test_numbers_that_can_be_counted(self, tmp_path: Path) -> None:
        mask = np.zeros((4, 8, 8))
        mask[1:3, 2:6, 2:6] = 1  # 32 voxels of 3 mm3
        mask[0, 0, 0] = 1  # and one apart
        image = np.where(mask == 1, 100.0, 0.0)
        image[1, 2, 2] = 50.0
        other = np.zeros((4, 8, 8))
        other[3, :2, :4] = 1
        cases = [
            write_case(tmp_path, "a", mask, image),
            write_case(tmp_path, "b", other, other * 100),
        ]
        found = fingerprint(cases, {"tumour": 1, "oedema": 2})
        tumour = found.labels["tumour"]
        assert found.spacing_mm == (3.0, 1.0, 1.0)
        assert found.size == (4.0, 8.0, 8.0)
        assert found.anisotropy == 3.0
        assert tumour.voxels.largest == 33
        assert tumour.voxels.smallest == 8
        assert tumour.volume_ml.largest == pytest.approx(0.099)
        assert tumour.components.largest == 2
        assert tumour.largest_share.smallest == pytest.approx(32 / 33, rel=1e-5)
        assert found.cases["b"].box == (1, 2, 4)
        assert found.labels["oedema"] == LabelFacts(
            cases=0, voxels=None, volume_ml=None, box_mm=None, components=None, largest_share=None
        )
        inside = found.intensities["CT"]
        assert inside.mean == pytest.approx((40 * 100 + 50) / 41, rel=1e-5)
        assert inside.high == 100

    def test_cases_that_are_not_given_change_nothing(self, tmp_path: Path) -> None:
        mask = np.zeros((4, 8, 8))
        mask[1:3, 2:6, 2:6] = 1
        training = [write_case(tmp_path, "a", mask, mask * 100)]
        before = fingerprint(training, LABELS)
        write_case(tmp_path, "held_out", np.ones((9, 9, 9)), np.full((9, 9, 9), 1e6))
        assert fingerprint(training, LABELS) == before
        assert list(before.cases) == ["a"]

    @pytest.mark.parametrize("absent", ["none", "zeros"])
    def test_a_modality_that_a_case_lacks(self, tmp_path: Path, absent: str) -> None:
        mask = np.zeros((4, 8, 8))
        mask[1:3, 2:6, 2:6] = 1
        case = write_case(tmp_path, "a", mask, mask * 100)
        zeros = write(np.zeros((4, 8, 8), np.float32), tmp_path / "pet.nii.gz", (1, 1, 3))
        lacking = CaseFiles(
            "a", {"PET": zeros if absent == "zeros" else None, **case.images}, case.mask
        )
        found = fingerprint([lacking], LABELS)
        assert found.missing == {"PET": 1, "CT": 0}
        assert found.intensities["PET"] is None
        plan = make_plan(auto(), found, LABELS, ["PET", "CT"], normalised=False)
        assert plan.intensities == [(0.0, 1.0, 0.0, 0.0), (100.0, 0.0, 100.0, 100.0)]
        assert plan.segmenter.modality_dropout == 0.3

    def test_nothing_to_look_at(self, tmp_path: Path) -> None:
        with pytest.raises(FitError, match="cannot be planned without cases"):
            fingerprint([], LABELS)
        empty = write_case(tmp_path, "a", np.zeros((4, 8, 8)), np.ones((4, 8, 8)))
        with pytest.raises(FitError, match="no training case has a labelled voxel"):
            fingerprint([empty], LABELS)

    def test_an_image_of_another_grid(self, tmp_path: Path) -> None:
        mask = np.zeros((4, 8, 8))
        mask[1:3, 2:6, 2:6] = 1
        case = write_case(tmp_path, "a", mask, mask)
        other = write(np.ones((4, 8, 9), np.float32), tmp_path / "o.nii.gz")
        with pytest.raises(CaseError, match=r"not on the grid of the first modality; found"):
            fingerprint([CaseFiles("a", {**case.images, "PET": other}, case.mask)], LABELS)


class TestGeometry:
    def test_spacing_is_the_median(self) -> None:
        assert target_spacing((1.5, 1, 1), (1.0, 1, 1), (100, 200, 200)) == (1.5, 1, 1)

    def test_thick_slices_take_the_tenth_percentile(self) -> None:
        assert target_spacing((5, 0.8, 0.8), (3, 0.8, 0.8), (30, 512, 512)) == (3, 0.8, 0.8)

    def test_thick_slices_do_not_become_finer_than_the_plane(self) -> None:
        assert target_spacing((5, 0.8, 0.8), (0.5, 0.8, 0.8), (30, 512, 512)) == (0.8, 0.8, 0.8)

    def test_cubes_are_halved_alike(self) -> None:
        found = levels((64, 64, 64), (1, 1, 1), (3, 6), flat=False)
        assert found.strides == ((2, 2, 2),) * 4  # 64 32 16 8 4
        assert found.kernels == ((3, 3, 3),) * 5
        assert found.multiple == (16, 16, 16)

    def test_thick_slices_wait_until_the_plane_is_as_coarse(self) -> None:
        # 4 mm slices, 1 mm pixels: the plane is halved twice before (4, 4, 4) mm is reached.
        found = levels((16, 64, 64), (4, 1, 1), (3, 5), flat=False)
        assert found.strides == ((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2))
        assert found.kernels[:3] == ((1, 3, 3), (1, 3, 3), (3, 3, 3))

    def test_an_axis_that_is_no_longer_halved_keeps_its_kernels(self) -> None:
        found = levels((4, 64, 64), (1, 1, 1), (3, 6), flat=False)
        assert found.strides == ((1, 2, 2),) * 4
        assert found.kernels == ((3, 3, 3),) * 5

    def test_slices_have_kernels_in_their_plane_alone(self) -> None:
        found = levels((1, 64, 64), (0.5, 2, 2), (3, 6), flat=True)
        assert found.axes(2) == ([[2, 2]] * 4, [[3, 3]] * 5)
        assert found.kernels[0] == (1, 3, 3)

    def test_small_images_get_levels_of_the_same_size(self) -> None:
        found = levels((4, 4, 4), (1, 1, 1), (3, 5), flat=False)
        assert found.strides == ((1, 1, 1), (1, 1, 1))

    def test_a_patch_has_the_shape_of_the_image(self) -> None:
        # The median image fits; 35 and 50 are rounded down to multiples of 8, 4 short of 8 up.
        size = patch_size((35, 50, 4), (40, 60, 4), (1, 1, 1), voxels=10**6, multiple=(8, 8, 8))
        assert size == (32, 48, 8)

    def test_a_bounded_patch_is_a_cube_in_mm(self) -> None:
        size = patch_size(
            (90, 512, 512), (90, 512, 512), (4, 1, 1), voxels=65536, multiple=(1,) * 3
        )
        assert size == (16, 64, 64)

    @settings(max_examples=100, deadline=None)
    @given(
        size=st.tuples(*[st.integers(1, 600)] * 3),
        spacing=st.tuples(*[st.floats(0.3, 10)] * 3),
        voxels=st.integers(8**3, 160**3),
        depth=st.integers(3, 6),
        flat=st.booleans(),
    )
    def test_patches_fit(self, size, spacing, voxels, depth, flat) -> None:
        found = levels(size, spacing, (3, depth), flat=flat)
        step = found.multiple
        patch = patch_size(size, size, spacing, voxels=voxels, multiple=step)
        assert all(p % m == 0 for p, m in zip(patch, step, strict=True))
        assert all(p < n + m for p, n, m in zip(patch, size, step, strict=True))
        assert prod(patch) <= max(voxels, prod(step))
        assert len(found.kernels) == len(found.strides) + 1
        assert not flat or all(s[0] == 1 for s in found.strides)


class TestCost:
    def test_a_convolution_is_counted_as_on_paper(self) -> None:
        """One level down and up: conv 1→4 (half size), conv 4→8, transposed 12→2."""
        spec = Plan(
            segmenter=Network(name="a", network="unet", channels=[4, 8], patch=(8, 8, 8))
        ).network_spec(inputs=1, labels=1)
        counted = cost.count("unet", spec, (8, 8, 8))
        small = 4**3
        assert counted.operations == 27 * small * (1 * 4 + 4 * 8 + 12 * 2)
        assert counted.logits == 2 * 8**3
        assert counted.parameters == count_parameters(build_network("unet", spec))
        assert counted.of_batch(3).operations == 3 * counted.operations

    def test_more_work_takes_longer(self) -> None:
        counted = cost.Count(operations=10**9, features=10**7, logits=10**6, parameters=10**6)
        one = cost.step_seconds(counted, 10**5, inputs=1, device="cpu")
        two = cost.step_seconds(counted.of_batch(2), 2 * 10**5, inputs=1, device="cpu")
        assert one == pytest.approx(0.002 + 0.023 + 0.11 + 0.01)
        assert one < two < 2 * one
        assert cost.memory_gb(counted.of_batch(2), "cpu") > cost.memory_gb(counted, "cpu")


class TestNamed:
    def test_settings_stay_as_given(self) -> None:
        given = Network(name="a", network="vnet", patch=(16, 16, 16))
        plan = make_plan(given, None, LABELS, ["T1w"])
        assert plan.segmenter == given
        assert plan.reasons == {"network": "given", "patch": "given"}
        assert plan.spacing_mm is None

    def test_auto_needs_a_fingerprint(self) -> None:
        with pytest.raises(ValueError, match="fingerprint of the training cases"):
            make_plan(auto(), None, LABELS, ["T1w"])


class TestPlanFile:
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "plan.yaml"
        write_plan(planned(facts()), path)
        return path

    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        assert read_plan(self.file(tmp_path)) == planned(facts())

    def test_an_edited_file_is_used_as_it_is(self, tmp_path: Path) -> None:
        path = self.file(tmp_path)
        content = yaml.safe_load(path.read_text())
        content["segmenter"] |= {"steps": 77, "patch": [16, 16, 16]}
        path.write_text(yaml.safe_dump(content))
        plan = make_plan(auto(plan=path), facts(size=(90, 90, 90)), LABELS, ["T1w"])
        assert plan.segmenter.steps == 77
        assert plan.segmenter.patch == (16, 16, 16)
        assert plan == read_plan(path)

    def test_sizes_are_read_at_a_glance(self, tmp_path: Path) -> None:
        text = self.file(tmp_path).read_text()
        assert "\n  patch: [32, 48, 32]\n" in text
        assert "\n- [2, 2, 2]\n" in text

    def test_a_plan_of_other_labels_or_modalities(self, tmp_path: Path) -> None:
        path = self.file(tmp_path)
        with pytest.raises(ConfigError, match="the plan is of other labels"):
            make_plan(auto(plan=path), None, {"liver": 1}, ["T1w"])
        with pytest.raises(ConfigError, match="the plan is of other modalities"):
            make_plan(auto(plan=path), None, LABELS, ["T1w", "PET"])

    def test_a_plan_without_a_network(self, tmp_path: Path) -> None:
        path = tmp_path / "plan.yaml"
        path.write_text("segmenter: {name: a, network: auto}\n")
        with pytest.raises(ConfigError, match="must name its network"):
            make_plan(auto(plan=path), None, LABELS, ["T1w"])

    def test_a_key_that_is_unknown(self, tmp_path: Path) -> None:
        path = tmp_path / "plan.yaml"
        path.write_text("segmenter: {name: a, network: unet, stepps: 3}\n")
        with pytest.raises(ConfigError, match="plan cannot be used"):
            make_plan(auto(plan=path), None, LABELS, ["T1w"])


class TestAuto:
    def test_small_crops_on_a_core(self) -> None:
        own = planned(facts(), budget={"minutes": 8}).segmenter
        assert own.network == "unet"
        assert own.patch == (32, 48, 32)
        assert own.channels == [16, 32, 64, 128]
        assert own.batch == 4
        assert 3000 < own.steps < 6000
        assert own.flips == []

    def test_a_gpu_gets_the_topology_of_nnunet(self) -> None:
        found = facts((300, 512, 512), (1, 1, 1), (80, 80, 80), voxels=200_000)
        plan = planned(found, budget={"minutes": 600, "memory_gb": 10, "device": "gpu"})
        own = plan.segmenter
        assert own.network == "dynunet"
        assert own.channels == [32, 64, 128, 256, 320, 320]  # 128 64 32 16 8 4
        assert own.patch == (128, 128, 128)
        assert own.batch == 2
        assert own.deep_supervision

    def test_more_minutes_never_mean_fewer_patches(self) -> None:
        seen = [
            p.steps * p.batch * prod(p.patch)
            for p in (planned(facts(), budget={"minutes": m}).segmenter for m in (1, 2, 5, 10, 20))
        ]
        assert seen == sorted(seen)

    def test_what_the_user_set_is_kept_and_said(self) -> None:
        plan = planned(facts(), steps=123, channels=[8, 16, 32], patch=(16, 16, 16), batch=3)
        own = plan.segmenter
        assert (own.steps, own.channels, own.patch, own.batch) == (123, [8, 16, 32], (16,) * 3, 3)
        assert {plan.reasons[key] for key in ("steps", "channels", "patch", "batch")} == {"given"}
        assert plan.reasons["learning_rate"] != "given"
        assert len(plan.strides) == 2

    def test_a_default_that_the_user_wrote_down_is_kept(self) -> None:
        default = Network.model_fields["steps"].default
        assert planned(facts(), steps=default).segmenter.steps == default

    def test_every_choice_has_a_reason(self) -> None:
        plan = planned(facts())
        default = Network(name="a")
        changed = {
            key
            for key in Network.model_fields
            if getattr(plan.segmenter, key) != getattr(default, key)
        }
        assert changed <= set(plan.reasons)
        assert all(reason for reason in plan.reasons.values())

    def test_few_thick_slices_are_drawn_one_by_one(self) -> None:
        plan = planned(facts((6, 256, 256), (8, 1, 1), (24, 60, 60), voxels=3000))
        assert plan.segmenter.view == "2d"
        assert plan.segmenter.patch[0] == 1
        assert all(len(stride) == 2 for stride in plan.strides)
        assert plan.network_spec(inputs=1, labels=1).dims == 2

    def test_prepared_spacing_is_left_alone(self) -> None:
        assert planned(facts()).spacing_mm is None

    def test_cases_of_several_spacings_are_brought_to_one(self) -> None:
        found = facts((35, 50, 35), (2.0, 1.0, 1.0)).model_copy(update={"one_spacing": False})
        assert planned(found).spacing_mm == (1.0, 1.0, 2.0)  # x, y, z

    def test_large_organs_are_looked_at_more_coarsely(self) -> None:
        found = facts((400, 512, 512), (1, 1, 1), (250, 250, 200), voxels=1_500_000)
        plan = planned(found)
        assert min(plan.spacing_mm) >= 2
        assert "coarser than the images" in plan.reasons["spacing_mm"]

    def test_small_lesions_keep_their_voxels(self) -> None:
        plan = planned(facts((400, 512, 512), (1, 1, 1), (250, 250, 200), voxels=30))
        assert plan.spacing_mm is None
        assert plan.segmenter.foreground == 0.8

    def test_one_piece_in_all_cases_is_cleaned(self) -> None:
        assert planned(facts()).segmenter.cleaning.largest_component
        assert not planned(facts(share=0.8)).segmenter.cleaning.largest_component
        assert not planned(facts(cases=1)).segmenter.cleaning.largest_component

    def test_images_without_a_common_scale(self) -> None:
        plan = make_plan(auto(), facts(), LABELS, ["T1w"], normalised=False)
        assert plan.normalisation == "foreground"
        assert plan.intensities == [(40, 20, -10, 90)]

    def test_dropout_where_passes_with_it_are_averaged(self) -> None:
        assert planned(facts(), mc_dropout=5).segmenter.dropout == 0.1
        assert planned(facts()).segmenter.dropout == 0

    def test_cases_met_often_are_varied_more(self) -> None:
        often = planned(facts(cases=20), steps=1000, batch=2).segmenter.augmentation
        assert (often.elastic_mm, often.blur, often.gamma) == (2.0, 0.7, 0.3)
        seldom = planned(facts(cases=20), steps=400, batch=2).segmenter.augmentation
        assert (seldom.elastic_mm, seldom.blur, seldom.gamma) == (0, 0, 0)
        own = planned(facts(cases=20), steps=1000, batch=2, augmentation={"noise": 0.1})
        assert own.segmenter.augmentation.gamma == 0

    def test_masks_are_mirrored_as_patches_were_but_for_left_and_right(self) -> None:
        assert planned(facts(), augmentation={"flips": ["z", "x"]}).segmenter.flips == ["z"]
        assert planned(facts()).segmenter.flips == []

    def test_a_label_that_no_case_has(self) -> None:
        nothing = LabelFacts(
            cases=0, voxels=None, volume_ml=None, box_mm=None, components=None, largest_share=None
        )
        found = facts()
        found = found.model_copy(update={"labels": {**found.labels, "oedema": nothing}})
        assert planned(found).segmenter.cleaning.largest_component

    def test_memory_that_holds_no_network(self) -> None:
        with pytest.raises(ConfigError, match=r"no network fits the memory.*expected more than"):
            planned(facts(), budget={"memory_gb": 0.3})

    @settings(max_examples=12, deadline=None)
    @given(
        size=st.tuples(st.integers(1, 400), st.integers(8, 512), st.integers(8, 512)),
        spacing=st.tuples(st.floats(0.5, 8), st.floats(0.4, 2), st.floats(0.4, 2)),
        minutes=st.floats(0.1, 600),
        memory_gb=st.floats(2.5, 32),
        device=st.sampled_from(["cpu", "gpu"]),
        cases=st.integers(1, 60),
        modalities=st.integers(1, 3),
        voxels=st.integers(1, 10**6),
    )
    def test_every_plan_can_be_carried_out(
        self, size, spacing, minutes, memory_gb, device, cases, modalities, voxels
    ) -> None:
        names = tuple("abc"[:modalities])
        extent = tuple(n * s / 2 for n, s in zip(size, spacing, strict=True))
        found = facts(size, spacing, extent, voxels=voxels, cases=cases, modalities=names)
        budget = {"minutes": minutes, "memory_gb": memory_gb, "device": device}
        plan = planned(found, budget=budget)
        own = plan.segmenter
        assert memory(plan, modalities) <= memory_gb
        assert own.batch >= 2
        assert own.steps >= 100
        dims = 3 if own.view == "3d" else 2
        step = np.prod([[1] * dims, *plan.strides], axis=0)
        assert all(p % m == 0 for p, m in zip(own.patch[-dims:], step, strict=True))
        target = spacing if plan.spacing_mm is None else plan.spacing_mm[::-1]
        at_target = np.ceil(np.array(size) * spacing / np.array(target) - 1e-6)[-dims:]
        assert all(p < n + m for p, n, m in zip(own.patch[-dims:], at_target, step, strict=True))
        assert (
            Plan.model_validate(yaml.safe_load(yaml.safe_dump(plan.model_dump(mode="json"))))
            == plan
        )
        assert plan == planned(found, budget=budget)


@pytest.mark.slow
def test_hippocampus(test_data: Path) -> None:
    """Crops of 36 x 49 x 35 voxels at 1 mm, two labels of one piece each."""
    folder = test_data / "msd_hippocampus"
    cases = [
        CaseFiles(mask.name, {"T1w": folder / "imagesTr" / mask.name}, mask)
        for mask in sorted((folder / "labelsTr").glob("hippocampus_*.nii.gz"))[:20]
    ]
    labels = {"anterior": 1, "posterior": 2}
    found = fingerprint(cases, labels)
    assert found.spacing_mm == (1, 1, 1)
    own = make_plan(auto(budget={"minutes": 8}), found, labels, ["T1w"]).segmenter
    assert own.patch == (32, 48, 32)
    assert own.cleaning.largest_component
