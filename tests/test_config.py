"""The study config is closed, and every fault of it is one sentence."""

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import ValidationError

from radpipe.config import json_schema, load_study
from radpipe.config.modelling import FAMILIES, NetworkPredictor, Ranking, TabularPredictor
from radpipe.errors import ConfigError
from radpipe.modelling.deep.building import ENCODERS
from radpipe.modelling.predictors.registry import GRIDS, LINEAR
from radpipe.modelling.selection import RANKINGS

OUTCOMES = {
    "binary": {"column": "grade"},
    "multiclass": {"column": "grade", "kind": "multiclass"},
    "regression": {"column": "grade", "kind": "regression"},
    "survival": {"kind": "survival", "time": "months", "event": "dead"},
}


def config(**changes: Any) -> dict[str, Any]:
    return {
        "study": "small",
        "cases": "cases.tsv",
        "outcome": {"column": "grade"},
        "images": {"modalities": ["T1w", "FLAIR"]},
        "features": {"handcrafted": {}, "encoders": [{"name": "ae"}], "clinical": ["age"]},
        "segmentation": {"segmenters": [{"name": "net"}]},
        "models": [{"name": "volume", "blocks": ["volume"], "predictor": "logistic"}],
        **changes,
    }


def fused(**keys: Any) -> dict[str, Any]:
    """Images with a fused one."""
    image = {"name": "F", "of": ["T1w", "FLAIR"], **keys}
    return {"images": {"modalities": ["T1w", "FLAIR"], "fused": [image]}}


def test_a_fused_image_is_named_like_a_modality():
    given = fused(method="guided") | {
        "features": {"handcrafted": {"preset": {"F": "fused", "T1w": "t1"}}, "encoders": []},
        "segmentation": {"segmenters": [{"name": "a", "classical": "otsu", "modality": "F"}]},
    }
    study = load_study(config(**given))
    assert study.images.prepared == ["T1w", "FLAIR", "F"]
    assert study.zero_background == ["T1w", "FLAIR"]
    assert study.features.handcrafted.bin_width == {"F": 0.025}
    assert load_study(study.model_dump(mode="json")) == study


def one(predictor: str, **keys: Any) -> dict[str, Any]:
    """A single model."""
    return {"models": [{"name": "m", "blocks": ["handcrafted"], "predictor": predictor, **keys}]}


def test_defaults_are_filled():
    study = load_study(config())
    assert study.images.reference == "T1w"
    assert study.images.moving == ["FLAIR"]
    assert study.primary == "volume"
    assert [m.name for m in study.models] == ["clinical", "volume"]
    assert study.blocks == ["images", "clinical", "volume", "handcrafted", "site", "ae"]
    assert study.splits.outer == ["r1f1", "r1f2", "r1f3", "r1f4", "r1f5"]


def test_names_lead_to_sections():
    study = load_study(config())
    assert study.segmenter("net").network == "auto"
    assert study.encoder("ae").kind == "autoencoder"
    assert study.model("volume").predictor == "logistic"


@pytest.mark.parametrize("kind", GRIDS)
def test_exactly_the_predictors_of_a_kind_are_taken(kind):
    for name in get_args(TabularPredictor):
        given = config(
            outcome=OUTCOMES[kind],
            models=[{"name": "m", "blocks": ["handcrafted"], "predictor": name}],
        )
        if name == "auto" or name in GRIDS[kind]:
            assert load_study(given).model("m").predictor == name
        else:
            with pytest.raises(
                ConfigError, match=f"model 'm': {name} is for .* outcomes, and this"
            ):
                load_study(given)


@pytest.mark.parametrize("kind", GRIDS)
def test_a_family_becomes_the_predictor_of_the_kind(kind):
    listed = [
        {"name": family, "blocks": ["handcrafted"], "predictor": family} for family in FAMILIES
    ]
    study = load_study(config(outcome=OUTCOMES[kind], models=listed))
    found = [m.predictor for m in study.models]
    linear, forest = LINEAR[kind], FAMILIES["forest"][kind]
    assert found == [linear, linear, linear, forest]  # volume and clinical data are added before
    assert forest in GRIDS[kind]


@pytest.mark.parametrize("volume", [None, "size"])
def test_a_study_of_a_table_is_the_same_when_it_is_read_again(volume):
    """A rule gets the study as its dump, in which every key is written out."""
    given = config(
        images={},
        segmentation={},
        features={"table": "features.csv", "volume": volume, "clinical": ["age"]},
        models=[{"name": "m", "blocks": ["handcrafted"], "predictor": "linear"}],
    )
    study = load_study(given)
    assert [m.name for m in study.models] == [*(["volume"] if volume else []), "clinical", "m"]
    assert load_study(study.model_dump(mode="json")) == study


def test_every_ranking_and_network_of_the_config_exists():
    assert set(get_args(Ranking)) == {"none", *RANKINGS}
    assert set(get_args(NetworkPredictor)) == set(ENCODERS)
    assert {*GRIDS["binary"], *GRIDS["regression"], *GRIDS["survival"], "auto"} == set(
        get_args(TabularPredictor)
    )


def test_site_alone_stands_beside_the_other_baselines_where_there_are_several():
    listed = [{"name": "m", "blocks": ["handcrafted"], "predictor": "linear"}]
    study = load_study(config(models=listed))
    several = study.with_sites(["A", "B"])
    assert [m.name for m in several.models] == ["volume", "clinical", "site", "m"]
    assert several.model("site").predictor == "logistic"
    assert several.primary == "m"
    assert load_study(several.model_dump(mode="json")) == several
    assert several.with_sites(["A", "B"]) == several
    for sites in ([], ["A"]):
        assert study.with_sites(sites) == study
    assert load_study(config(models=[])).with_sites(["A", "B"]).models == []


def test_site_alone_is_not_added_to_a_study_that_lists_it():
    own = {"name": "where", "blocks": ["site"], "predictor": "forest"}
    study = load_study(config(models=[own]))
    assert study.with_sites(["A", "B"]) == study
    taken = {"name": "site", "blocks": ["handcrafted"], "predictor": "linear"}
    study = load_study(config(models=[taken], outcome=OUTCOMES["survival"])).with_sites(["A", "B"])
    assert [m.name for m in study.models] == ["volume", "clinical", "site_alone", "site"]
    assert study.model("site_alone").predictor == "cox"


def segmenters(*listed: dict[str, Any]) -> dict[str, Any]:
    return config(segmentation={"segmenters": list(listed)})


def test_the_key_that_only_one_kind_has_says_which_kind_a_segmenter_is():
    study = load_study(
        segmenters(
            {"name": "net", "network": "vnet"},
            {"name": "pet", "classical": "fwhm", "within": "box"},
            {"name": "both", "ensemble": ["net", "pet"], "combine": "staple"},
        )
    )
    kinds = [type(s).__name__ for s in study.segmentation.segmenters]
    assert kinds == ["Network", "Classical", "Ensemble"]


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ({"name": "a", "network": "unett"}, "key 'segmentation.segmenters.0.network': input"),
        ({"name": "a", "stepss": 3}, "'segmentation.segmenters.0.stepss', did you mean 'steps'"),
        (
            {"name": "a", "classical": "otsu", "fractoin": 0.4},
            "'segmentation.segmenters.0.fractoin', did you mean 'fraction'",
        ),
        (
            {"name": "a", "augmentation": {"flip": ["x"]}},
            "'segmentation.segmenters.0.augmentation.flip', did you mean 'flips'",
        ),
        ({"name": "a", "ensemble": ["b", "c"]}, "'a' builds on 'b', which is not listed before"),
        ({"name": "a", "cascade": "b"}, "'a' builds on 'b', which is not listed before it"),
        ({"name": "a", "network": "unet", "plan": "p.yaml"}, "plan goes with network auto only"),
        ({"name": "a", "network": "unet", "mc_dropout": 5}, "mc_dropout needs dropout above 0"),
        ({"name": "a", "flips": ["y"]}, "flips along y need the same axes in augmentation.flips"),
    ],
)
def test_faults_of_segmenters_name_the_key_as_it_was_written(listed, message):
    with pytest.raises(ConfigError, match=message):
        load_study(segmenters(listed))


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        load_study(config()).seed = 3


def test_variables_of_the_environment_are_expanded(monkeypatch):
    monkeypatch.setenv("PLACE", "/somewhere")
    study = load_study(config(cases="$PLACE/cases.tsv", evaluation={"truth": "${PLACE}/truth"}))
    assert study.cases == Path("/somewhere/cases.tsv")
    assert study.evaluation.truth == Path("/somewhere/truth")


def test_a_mapping_is_left_as_it_was_given(monkeypatch):
    monkeypatch.setenv("PLACE", "/somewhere")
    given = config(cases="$PLACE/cases.tsv", evaluation={"truth": "$PLACE/truth"})
    load_study(given)
    assert given == config(cases="$PLACE/cases.tsv", evaluation={"truth": "$PLACE/truth"})


def test_file_and_mapping_say_the_same(tmp_path):
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config()))
    assert load_study(tmp_path / "study.yaml") == load_study(config())


class TestFaults:
    @pytest.mark.parametrize(
        ("changes", "match"),
        [
            ({"sede": 1}, "unknown key 'sede', did you mean 'seed'"),
            ({"splits": {"fold": 3}}, "unknown key 'splits.fold', did you mean 'folds'"),
            (
                {"evaluation": {"threshold": {"rul": "youden"}}},
                "unknown key 'evaluation.threshold.rul', did you mean 'rule'",
            ),
            (
                {"segmentation": {"segmenters": [{"name": "net", "step": 3}]}},
                "unknown key 'segmentation.segmenters.0.step', did you mean 'steps'",
            ),
            ({"report": {"qqqq": 1}}, "unknown key 'report.qqqq'; known: title, authors"),
            ({"splits": {"folds": 1}}, "'splits.folds'.*greater than or equal to 2; found 1"),
            ({"splits": {"folds": "many"}}, "'splits.folds'.*found 'many'"),
            ({"seed": -1}, "'seed'.*found -1"),
            ({"outcome": {}}, "key 'outcome.column' is missing"),
            ({"outcome": None}, "models are listed but no outcome is named"),
            ({"study": "a/b"}, "'study'.*found 'a/b'"),
            ({"on_bad_case": "ignore"}, "'on_bad_case'.*'exclude' or 'stop'; found 'ignore'"),
            ({"images": {"modalities": []}}, "images.modalities is empty"),
            (
                {"images": {"modalities": ["T1w"], "reference": "CT"}},
                r"reference 'CT' is not one of \['T1w'\]",
            ),
            ({"images": {"modalities": ["T1w", "T1w"]}}, "a modality is named twice"),
            (
                {"images": {"modalities": ["A", "B"], "fused": [{"name": "F", "of": ["A", "C"]}]}},
                r"fused image 'F': 'C' is not one of \['A', 'B'\]",
            ),
            (
                {"images": {"modalities": ["A", "B"], "fused": [{"name": "A", "of": ["A", "B"]}]}},
                "a fused image needs a name of its own",
            ),
            (fused(of=["T1w"]), "'F': `of` names two modalities or more"),
            (fused(weights=[1]), r"'F': weights are 2 numbers of 0 or more, .* found \[1.0\]"),
            (fused(weights=[0, 0]), "weights are 2 numbers"),
            (fused(method="guided", weights=[1, 2]), "guided finds its own weights"),
            (fused(method="average", levels=2), "levels is for method wavelet, not average"),
            (fused(percentiles=[99, 1]), "percentiles lie in order between 0 and 100"),
            (fused(window={"CT": [0, 1]}), "window names 'CT', which is not one of `of`"),
            (fused(window={"T1w": [1, 0]}), "window of T1w is not in order"),
            (fused(weihgts=[1, 1]), "'images.fused.0.weihgts', did you mean 'weights'"),
            (
                fused() | {"features": {"handcrafted": {"preset": {"F": "ct"}}}},
                "preset: F has no unit of its own, as a fused image; found ct",
            ),
            (
                {"features": {"handcrafted": {"preset": {"T1w": "fused"}}}},
                "preset: T1w is no fused image; found fused",
            ),
            (
                {"bias_correction": {"modalities": ["FLAR"]}},
                "bias_correction.modalities: 'FLAR' is unknown, did you mean 'FLAIR'",
            ),
            (
                {"normalisation": {"overrides": {"PET": "none"}}},
                "normalisation.overrides: 'PET' is unknown; known: T1w, FLAIR",
            ),
            (
                {"segmentation": {"mask_source": "nett", "segmenters": [{"name": "net"}]}},
                "mask_source: 'nett' is unknown, did you mean 'net'",
            ),
            (
                {"registration": {"shrink": [2, 1], "smoothing_mm": [1]}},
                "shrink has 2 levels and smoothing_mm 1",
            ),
            (
                {"models": [{"name": "m", "blocks": ["volum"], "predictor": "logistic"}]},
                "blocks of model 'm': 'volum' is unknown, did you mean 'volume'",
            ),
            (
                {"models": [{"name": "m", "blocks": ["images"], "predictor": "logistic"}]},
                r"blocks \[images\] and a network such as cnn3d belong together",
            ),
            (
                {"models": [{"name": "m", "blocks": ["volume"], "predictor": "logistic"}] * 2},
                "model 'm' is listed twice",
            ),
            ({"evaluation": {"primary": "volumes"}}, "did you mean 'volume'"),
            (one("logistic", modalities=["T1w"]), "'m': modalities is for a network, not for log"),
            (
                one("cnn3d", blocks=["images"], modalities=["T2w"]),
                "modalities of model 'm': 'T2w' is unknown, did you mean 'T1w'",
            ),
            (
                one("cnn3d", blocks=["images"], modalities=["T1w", "T1w"]),
                "modalities of model 'm': 'T1w' is listed twice",
            ),
            (
                one("auto", class_weight="balanced"),
                "class_weight is for log.*, not for auto",
            ),
            (one("knn", class_weight="balanced"), "class_weight is for logistic, .*, not for knn"),
            (one("auto", oversampling=True), "oversampling is for a single .*, not for auto"),
            (one("cnn3d", blocks=["images"], oversampling=True), "'m': over.*, not for a network"),
            (one("resnet", blocks=["images"], class_weight="balanced"), "not for a network"),
            (one("cnn3d", blocks=["images"], harmonisation={}), "harmonisation is .* a network"),
            (
                one("ridge", oversampling=True) | {"outcome": OUTCOMES["regression"]},
                "'m': oversampling needs classes; the outcome is regression",
            ),
            (
                one("forest", class_weight="balanced") | {"outcome": OUTCOMES["regression"]},
                "'m': class_weight needs classes; the outcome is regression",
            ),
        ],
    )
    def test_one_sentence(self, changes, match):
        with pytest.raises(ConfigError, match=match) as caught:
            load_study(config(**changes))
        assert str(caught.value).startswith("the study config cannot be used: ")
        assert "\n" not in str(caught.value)

    def test_all_faults_are_told_at_once(self):
        with pytest.raises(ConfigError, match=r"unknown key 'a'.*unknown key 'b'"):
            load_study(config(a=1, b=2))

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            ("a: [1", "file .*study.yaml: the config cannot be read; found "),
            ("- 1\n- 2\n", "the config is not a mapping; found list, expected keys"),
            ("", "the config is not a mapping; found NoneType"),
        ],
    )
    def test_file_that_is_no_config(self, tmp_path, text, match):
        (tmp_path / "study.yaml").write_text(text)
        with pytest.raises(ConfigError, match=match):
            load_study(tmp_path / "study.yaml")

    def test_file_that_is_not_there(self, tmp_path):
        with pytest.raises(ConfigError, match=r"cannot be read; found .*No such file"):
            load_study(tmp_path / "study.yaml")


def test_schema_is_closed_and_documents_every_key():
    schema = json_schema()
    sections = [schema, *schema["$defs"].values()]
    assert all(s["additionalProperties"] is False for s in sections if "properties" in s)
    undocumented = {
        f"{section.get('title')}.{key}"
        for section in sections
        for key, entry in section.get("properties", {}).items()
        if "$ref" not in str(entry) and "description" not in entry
    }
    assert undocumented == set()
