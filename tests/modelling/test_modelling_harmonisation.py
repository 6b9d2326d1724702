"""ComBat against sva and neuroCombat (rows 20, 21 of the reference results); what it refuses.

Inputs and results lie in tests/data/oracles; features are some 5 to 50, all agree to 1e-9.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from radpipe.config import load_study
from radpipe.errors import ConfigError, FitError
from radpipe.evaluation.discrimination import auc
from radpipe.modelling.harmonisation import ComBat

FOLDER = Path(__file__).parents[1] / "data" / "oracles"


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"combat_{name}.csv").set_index("subject")


@pytest.fixture(scope="module")
def train() -> pd.DataFrame:
    return table("train")


@pytest.fixture(scope="module")
def new() -> pd.DataFrame:
    return table("new")


@pytest.fixture(scope="module")
def fitted(train) -> ComBat:
    return ComBat("batch", ["age", "grp"]).fit(train)


class TestReference:
    @pytest.mark.parametrize(
        ("name", "settings"),
        [
            ("sva_parametric", {}),
            ("sva_nonparametric", {"prior": "nonparametric"}),
            ("sva_meanonly", {"mean_only": True}),
            ("sva_refB", {"reference": "B"}),
            ("R_neuroCombat_noEB", {"prior": "none"}),
        ],
    )
    def test_fit(self, train, name, settings):
        combat = ComBat("batch", ["age", "grp"], **settings).fit(train)
        expected = table(name)[combat.features_]
        np.testing.assert_allclose(combat.transform(train), expected, rtol=0, atol=1e-9)

    def test_fit_without_covariates(self, train):
        rows = train.drop(columns=["age", "grp"])
        ours = ComBat("batch").fit(rows).transform(rows)
        np.testing.assert_allclose(ours, table("sva_nocov"), rtol=0, atol=1e-9)

    def test_out_of_sample(self, fitted, new):
        expected = table("new_covariate_aware_formulaR")
        np.testing.assert_allclose(fitted.transform(new), expected, rtol=0, atol=1e-9)

    def test_out_of_sample_with_training_mean_covariates(self, fitted, new):
        """Another quantity, as neuroCombatFromTraining: up to 1.4 SD away here."""
        ours = fitted.transform(new, at_training_mean=True)
        expected = table("R_fromTraining_new_mod_null")
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)
        assert np.abs(ours - fitted.transform(new)).max() > 4


class TestWhatItDoes:
    def test_by_hand_without_prior(self):
        """Batch means 1 and 11 and both of variance 2: the mean of all is 6."""
        rows = pd.DataFrame({"site": ["a", "a", "b", "b"], "x": [0.0, 2, 10, 12]})
        ours = ComBat(prior="none").fit(rows).transform(rows)
        # Residuals have the variance 1 with denominator 4, within batches 2 with denominator 1.
        half = 1 / np.sqrt(2)
        np.testing.assert_allclose(ours[:, 0], [6 - half, 6 + half, 6 - half, 6 + half])

    def test_reference_batch_stays(self, train):
        combat = ComBat("batch", ["age", "grp"], reference="B").fit(train)
        own = train["batch"] == "B"
        ours = combat.transform(train)[own.to_numpy()]
        np.testing.assert_array_equal(ours, train.loc[own, combat.features_])

    def test_batch_differences_go_and_the_covariate_stays(self):
        random = np.random.default_rng(3)
        n = 300
        site, age = random.integers(0, 2, n), random.normal(60, 8, n)
        features = random.normal(size=(n, 6)) + 0.2 * age[:, None] + 3.0 * site[:, None]
        rows = pd.DataFrame(features, columns=[f"f{i}" for i in range(6)])
        rows = rows.assign(site=site.astype(str), age=age)
        ours = ComBat(covariates=["age"]).fit(rows).transform(rows)
        before = rows.loc[site == 1, "f0"].mean() - rows.loc[site == 0, "f0"].mean()
        after = ours[site == 1, 0].mean() - ours[site == 0, 0].mean()
        assert before > 2.5
        assert abs(after) < 0.3
        assert np.polyfit(age, ours[:, 0], 1)[0] == pytest.approx(0.2, abs=0.03)

    def test_a_row_by_itself_is_what_it_is_among_others(self, fitted, new):
        """Guardrail G03; neuroHarmonize cannot apply to one site alone."""
        together = fitted.transform(new)
        alone = np.vstack([fitted.transform(new.iloc[[i]]) for i in range(len(new))])
        np.testing.assert_array_equal(together, alone)

    def test_rows_to_score_change_nothing_that_was_learned(self, train, new):
        """Guardrail G02."""
        combat = ComBat("batch", ["age", "grp"]).fit(train)
        before = {k: np.copy(v) for k, v in vars(combat).items() if isinstance(v, np.ndarray)}
        combat.transform(new.assign(feat01=1e9))
        for name, value in before.items():
            np.testing.assert_array_equal(value, vars(combat)[name])

    def test_order_of_training_rows(self, train, new, fitted):
        turned = ComBat("batch", ["age", "grp"]).fit(train.iloc[::-1])
        np.testing.assert_allclose(turned.transform(new), fitted.transform(new), atol=1e-10)

    def test_feature_that_is_constant_in_a_batch_is_left_alone(self, train):
        rows = train.assign(feat02=np.where(train["batch"] == "A", 7.0, train["feat02"]), flat=1.0)
        combat = ComBat("batch", ["age", "grp"]).fit(rows)
        ours = pd.DataFrame(combat.transform(rows), columns=combat.features_, index=rows.index)
        pd.testing.assert_series_equal(ours["feat02"], rows["feat02"])
        assert (ours["flat"] == 1).all()
        # The others are as if it were not there.
        without = ComBat("batch", ["age", "grp"]).fit(train.drop(columns="feat02"))
        expected = without.transform(train.drop(columns="feat02"))[:, 0]
        np.testing.assert_allclose(ours["feat01"], expected, atol=1e-10)

    def test_categories_as_covariates(self, train):
        text = train.assign(grp=np.where(train["grp"] == 1, "b", "a"))
        ours = ComBat("batch", ["age", "grp"]).fit(text).transform(text)
        expected = ComBat("batch", ["age", "grp"]).fit(train).transform(train)
        np.testing.assert_allclose(ours, expected, atol=1e-10)

    def test_one_feature(self, train):
        rows = train[["batch", "feat01"]]
        assert np.isfinite(ComBat("batch").fit(rows).transform(rows)).all()

    def test_it_is_an_estimator(self, train):
        combat = clone(ComBat("batch", ("age",), mean_only=True))
        assert combat.get_params()["covariates"] == ("age",)
        rows = train.drop(columns="grp")
        assert list(combat.fit(rows).get_feature_names_out()) == [
            f"feat{i:02}" for i in range(1, 26)
        ]


class TestRefusals:
    def test_unseen_batch(self, fitted, new):
        with pytest.raises(FitError, match=r"'N003': ComBat was not fitted on batch 'Z'.*'A', 'B'"):
            fitted.transform(new.assign(batch=["Z" if c == "N003" else "A" for c in new.index]))

    def test_batch_of_one(self, train):
        rows = train.assign(batch=["X" if c == "T000" else b for c, b in train["batch"].items()])
        with pytest.raises(FitError, match="batch 'X' has one training case; expected at least"):
            ComBat("batch", ["age", "grp"]).fit(rows)

    def test_one_batch(self, train):
        with pytest.raises(FitError, match="needs two batches; found only 'A'"):
            ComBat("batch", ["age", "grp"]).fit(train[train["batch"] == "A"])

    @pytest.mark.parametrize("hole", [np.nan, np.inf])
    def test_a_hole_in_the_features(self, train, fitted, hole):
        rows = train.copy()
        rows.loc["T004", "feat03"] = hole
        with pytest.raises(FitError, match=r"'T004': ComBat needs a number for feature 'feat03'"):
            ComBat("batch", ["age", "grp"]).fit(rows)
        with pytest.raises(FitError, match="impute first"):
            fitted.transform(rows)

    def test_missing_batch(self, fitted, new):
        rows = new.assign(batch=new["batch"].where(new.index != "N001"))
        with pytest.raises(FitError, match="'N001': the batch in column 'batch' is missing"):
            fitted.transform(rows)
        with pytest.raises(FitError, match="needs the column 'batch'"):
            fitted.transform(new.drop(columns="batch"))

    def test_missing_covariate(self, fitted, new):
        with pytest.raises(FitError, match="covariate 'age' is missing"):
            fitted.transform(new.assign(age=new["age"].where(new.index != "N001")))

    def test_unknown_category(self, train, new):
        rows = train.assign(grp=np.where(train["grp"] == 1, "b", "a"))
        combat = ComBat("batch", ["age", "grp"]).fit(rows)
        with pytest.raises(FitError, match="category that no training case has; found 'c'"):
            combat.transform(new.assign(grp="c"))

    def test_covariate_that_is_the_batch(self, train):
        rows = train.assign(age=(train["batch"] == "A").astype(float))
        with pytest.raises(FitError, match="cannot be told from the batches"):
            ComBat("batch", ["age", "grp"]).fit(rows)

    def test_unknown_reference(self, train):
        with pytest.raises(FitError, match="reference batch 'Q' has no training case"):
            ComBat("batch", ["age", "grp"], reference="Q").fit(train)

    @pytest.mark.parametrize("column", ["grade", "months"])
    def test_outcome_as_covariate(self, column):
        """Guardrail G06."""
        model = {
            "name": "m",
            "blocks": ["clinical"],
            "predictor": "cox",
            "harmonisation": {"covariates": ["age", column]},
        }
        config = {
            "study": "s",
            "cases": "cases.tsv",
            "outcome": {"kind": "survival", "time": "months", "event": "grade"},
            "images": {"modalities": ["T1w"]},
            "features": {"clinical": ["age"]},
            "models": [model],
        }
        match = rf"harmonisation of model 'm': '{column}' holds the outcome"
        with pytest.raises(ConfigError, match=match):
            load_study(config)

    def test_copy_of_the_outcome_as_covariate(self, train):
        with pytest.raises(FitError, match=r"copy of the outcome; found correlation 1\.000"):
            ComBat("batch", ["age", "grp"]).fit(train, train["grp"].to_numpy())
        ComBat("batch", ["age", "grp"]).fit(train, (train["age"] > 50).to_numpy(dtype=float))


class TestGuardrail:
    """Guardrail G06: noise in two sites of different prevalence; more than the site is a leak."""

    SEEDS = range(5)

    def cohort(self, seed):
        random = np.random.default_rng(seed)
        site = np.repeat([0, 1], 40)
        y = (random.random(80) < np.where(site, 0.85, 0.15)).astype(float)
        noise = random.normal(size=(80, 300)) + random.normal(size=300) * site[:, None]
        rows = pd.DataFrame(noise, columns=[f"f{i}" for i in range(300)])
        return rows.assign(site=np.where(site, "b", "a"), label=y), y, site

    def out_of_fold(self, features_of, y):
        """AUC of the pooled predictions; `features_of(train)` harmonises all rows."""
        scores = np.empty(80)
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        for train, test in folds.split(np.zeros(80), y):
            values = features_of(train)
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
            scores[test] = model.fit(values[train], y[train]).decision_function(values[test])
        return auc(y, scores)

    def test_harmonised_in_the_fold_is_no_better_than_the_site(self):
        harmonised, sites = [], []
        for seed in self.SEEDS:
            rows, y, site = self.cohort(seed)
            rows = rows.drop(columns="label")
            harmonised.append(
                self.out_of_fold(lambda t, r=rows: ComBat().fit(r.iloc[t]).transform(r), y)
            )
            sites.append(auc(y, site))
        assert np.mean(harmonised) < np.mean(sites) - 0.1

    def test_the_leaky_twin(self):
        """The label as a covariate, on the whole cohort: noise tells more than the site."""
        leaky, sites = [], []
        for seed in self.SEEDS:
            rows, y, site = self.cohort(seed)
            values = ComBat(covariates=["label"]).fit(rows).transform(rows)
            leaky.append(self.out_of_fold(lambda _, v=values: v, y))
            sites.append(auc(y, site))
        assert np.mean(leaky) > np.mean(sites) + 0.05
