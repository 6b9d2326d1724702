"""Presets become settings with reasons; settings that collapse are warned of."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.config import Controls, Handcrafted, load_study
from radpipe.config.presets import PRESETS, preset_settings
from radpipe.errors import ConfigError
from radpipe.features.presets import feature_settings
from radpipe.features.settings_check import feature_warnings
from radpipe.features.table import FeatureSettings, case_table

NONE = Controls(shuffled_voxels=False, displaced_mask=False)
NAMES = sorted({row.preset for row in PRESETS})


class TestPresets:
    def test_they_fill_what_is_not_written(self) -> None:
        config = Handcrafted(preset={"CT": "ct", "PET": "pet_suv", "T1w": "t1"})
        assert config.bin_width == {"CT": 25.0, "PET": 0.25}
        assert config.bin_count == 32
        assert config.resegmentation == {"CT": (-1000.0, 400.0), "PET": (0.0, None)}
        assert config.outliers_sd == {"T1w": 3.0}
        assert config.rounding == {"CT": True, "PET": False, "T1w": False}

    def test_what_is_written_wins(self) -> None:
        config = Handcrafted(
            preset={"CT": "ct", "PET": "pet_suv"},
            bin_width={"CT": 5.0},
            resegmentation={"CT": None},
        )
        assert config.bin_width == {"CT": 5.0, "PET": 0.25}
        assert config.resegmentation == {"CT": None, "PET": (0.0, None)}

    def test_a_written_bin_number_replaces_their_widths(self) -> None:
        config = Handcrafted(preset={"CT": "ct"}, bin_count=64)
        assert (config.bin_width, config.bin_count) == (None, 64)

    @pytest.mark.parametrize("keys", [{}, {"bin_count": 64}, {"bin_width": {"CT": 5.0}}])
    def test_they_survive_the_way_through_a_rule(self, keys: dict) -> None:
        config = Handcrafted(preset={"CT": "ct", "ADC": "adc", "T2w": "t2"}, **keys)
        assert Handcrafted.model_validate(config.model_dump(mode="json")) == config

    def test_without_one_nothing_changes(self) -> None:
        config = Handcrafted()
        assert config.resegmentation == config.outliers_sd == config.rounding == {}
        assert (config.bin_width, config.bin_count) == (None, 32)

    @pytest.mark.parametrize("name", NAMES)
    def test_each_gives_every_setting_with_a_reason_and_a_source(self, name: str) -> None:
        rows = preset_settings(name)
        assert {"rounding", "normalisation", "spacing_mm"} <= set(rows)
        assert ("bin_width" in rows) != ("bin_count" in rows)
        assert all(len(row.reason) > 15 and row.source for row in rows.values())
        Handcrafted(preset={"X": name})

    def test_limits_out_of_order_are_refused(self) -> None:
        with pytest.raises(ValueError, match="are not in order: lowest, highest"):
            Handcrafted(resegmentation={"CT": (400, -1000)})

    def test_units_lost_in_normalisation_are_refused(self) -> None:
        config = study_config({"preset": {"CT": "ct"}})
        with pytest.raises(ConfigError, match="preset ct of CT needs intensities in"):
            load_study(config)
        load_study(config | {"normalisation": {"overrides": {"CT": "none"}}})

    def test_an_unknown_modality_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"features.handcrafted.preset: 'PT' is unknown"):
            load_study(study_config({"preset": {"PT": "pet_suv"}}))

    def test_stability_of_nothing_is_refused(self) -> None:
        config = study_config(None)
        config["features"]["stability"] = {"perturbations": ["noise"]}
        with pytest.raises(ConfigError, match="stability is asked for, but"):
            load_study(config)


def study_config(handcrafted: dict | None) -> dict:
    return {
        "study": "s",
        "cases": "cases.tsv",
        "images": {"modalities": ["CT"]},
        "features": {"handcrafted": handcrafted},
    }


class TestTable:
    def test_the_reason_of_a_preset_stands_beside_its_value(self) -> None:
        config = Handcrafted(preset={"CT": "ct", "PET": "pet_suv"}, bin_width={"CT": 5.0})
        table = feature_settings(["CT", "PET"], config).set_index(["modality", "setting"])
        assert table.loc[("PET", "bin_width"), "value"] == "0.25"
        assert "Leijenaar" in table.loc[("PET", "bin_width"), "source"]
        assert table.loc[("PET", "resegmentation"), "value"] == "[0, ∞]"
        assert table.loc[("CT", "bin_width"), "reason"] == "written in the config in place of 25"
        assert table.loc[("CT", "bin_width"), "source"] == "config"
        assert table.loc[("CT", "rounding"), "value"] == "yes"
        assert "not applied" in table.loc[("CT", "spacing_mm"), "reason"]

    def test_without_a_preset_settings_are_as_configured(self) -> None:
        table = feature_settings(["T1w"], Handcrafted(bin_count=[16, 32]))
        assert table["setting"].tolist() == [
            "bin_count",
            "resegmentation",
            "outliers_sd",
            "rounding",
        ]
        assert table["value"].tolist() == ["16, 32", "none", "none", "no"]
        assert table["reason"].tolist() == ["as configured"] + ["not asked for"] * 3


def warned(array: np.ndarray, side: int = 5, **keys: object) -> pd.DataFrame:
    config = Handcrafted(**{"image_types": ["original"]} | keys)
    mask = np.zeros(array.shape, dtype=np.uint8)
    mask[3 : 3 + side, 3 : 3 + side, 3 : 3 + side] = 1
    region, image = sitk.GetImageFromArray(mask), sitk.GetImageFromArray(array)
    region.SetSpacing((1.0, 1.0, 2.0))
    image.SetSpacing((1.0, 1.0, 2.0))
    settings = FeatureSettings(config, NONE, {"lesion": 1})
    table = case_table("a", {"CT": image}, region, settings)
    return feature_warnings(table, ["CT"], settings, region.GetSpacing())


def steps(highest: float, shape: tuple[int, ...] = (12, 12, 12)) -> np.ndarray:
    """Every voxel of the region between 0 and `highest`, both being there."""
    array = np.random.default_rng(0).uniform(0, highest, shape).astype(np.float32)
    array[4, 4, 4], array[4, 4, 5] = 0, highest
    return array


class TestWarnings:
    @pytest.mark.parametrize(
        ("highest", "keys", "warning", "found"),
        [
            (60.0, {"bin_width": 10.0}, "few_bins", "7 bins (bin_width 10)"),
            (256.0, {"bin_width": 1.0}, "many_bins", "257 bins (bin_width 1)"),
            (60.0, {"bin_count": 4}, "few_bins", "4 bins (bin_count 4)"),
        ],
    )
    def test_bins(self, highest: float, keys: dict, warning: str, found: str) -> None:
        (row,) = warned(steps(highest), **keys).to_dict("records")
        assert (row["warning"], row["found"], row["expected"]) == (warning, found, "8 to 256")
        assert (row["case"], row["modality"], row["image_type"], row["region"]) == (
            *("a", "CT", "original", "whole"),
        )

    @pytest.mark.parametrize("keys", [{"bin_width": 8.0}, {"bin_count": 32}, {"bin_count": 256}])
    def test_nothing_to_warn_of(self, keys: dict) -> None:
        assert warned(steps(60.0), **keys).empty

    def test_bins_start_at_the_lower_limit(self) -> None:
        """0 to 15 in bins of 2 from −1: the last one is [15, 17), so there are 9, not 8."""
        table = warned(steps(15.0), bin_width=2.0, resegmentation={"CT": (-1, None)})
        assert table.empty
        few = warned(steps(13.0), bin_width=2.0)
        assert few["found"].tolist() == ["7 bins (bin_width 2)"]

    def test_each_image_type_and_region_is_looked_at(self) -> None:
        table = warned(
            steps(60.0),
            bin_width=1000.0,
            image_types=["original", "log"],
            log_sigma_mm=[1.0],
            regions=["whole", "rim"],
            rim_mm=1.0,
        )
        places = set(zip(table["image_type"], table["region"], strict=True))
        assert places == {(i, r) for i in ("original", "log_sigma_1mm") for r in ("whole", "rim")}

    def test_few_voxels(self) -> None:
        (row,) = warned(steps(60.0), side=3, bin_width=2.0).to_dict("records")
        assert (row["warning"], row["found"], row["expected"]) == (
            *("few_voxels", "27 voxels", "at least 64"),
        )
        assert warned(steps(60.0), side=4, bin_width=2.0).empty

    def test_a_constant_image(self) -> None:
        flat = np.full((12, 12, 12), 7.0, dtype=np.float32)
        table = warned(flat, regions=["whole", "core"], rim_mm=1.0)
        constant = table[table["warning"] == "constant"]
        assert constant["region"].tolist() == ["whole", "core"]
        assert constant["modality"].tolist() == ["CT", "CT"]

    def test_an_empty_region_is_no_matter_of_settings(self) -> None:
        assert warned(steps(60.0), side=0).empty


def test_the_table_is_written_and_read_when_empty(tmp_path: Path) -> None:
    from radpipe.features.collection import collect_warnings
    from radpipe.io.tables import write_table

    for name, array in (("a", steps(60.0)), ("b", steps(5000.0))):
        write_table(warned(array, bin_width=8.0), tmp_path / f"{name}.tsv")
    table = collect_warnings([tmp_path / "a.tsv", tmp_path / "b.tsv"])
    assert table["warning"].tolist() == ["many_bins"]
