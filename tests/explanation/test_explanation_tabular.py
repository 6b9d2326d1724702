"""SHAP, LIME and permutation importance of models whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVR

from radpipe.errors import RadpipeError
from radpipe.explanation import sampling, tabular
from radpipe.explanation.columns import Codes, source_columns, used_columns
from radpipe.explanation.importance import permutation_importance
from radpipe.explanation.local import COLUMNS, explain_locally
from radpipe.explanation.sampling import sampled_shapley
from radpipe.explanation.tabular import explain_pipeline, explain_predictions, summarise_shap


def cohort(n=40, columns=12, seed=1):
    """Columns f00 … of which f00 raises and f01 lowers the risk; some values are missing."""
    rng = np.random.default_rng(seed)
    names = [f"f{i:02d}" for i in range(columns)]
    index = pd.Index([f"c{i:02d}" for i in range(n)], name="case")
    table = pd.DataFrame(rng.normal(size=(n, columns)), columns=names, index=index)
    y = (table["f00"] - table["f01"] + 0.5 * rng.normal(size=n) > 0).astype(int).to_numpy()
    table.iloc[3, 0] = np.nan
    table.iloc[7, 5] = np.nan
    return table, y


def fitted(classifier, keep=4):
    table, y = cohort()
    pipeline = make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), SelectKBest(k=keep), classifier
    )
    return pipeline.fit(table, y), table, y


def sums(found):
    return found.table.groupby("case", sort=False)["shap"].sum() + found.base


@pytest.mark.parametrize(
    ("classifier", "explainer", "scale"),
    [
        (LogisticRegression(), "linear", "log_odds"),
        (RandomForestClassifier(n_estimators=20, random_state=1), "tree", "probability"),
        (GaussianNB(), "permutation", "probability"),
    ],
)
def test_values_and_base_add_up_to_the_prediction(classifier, explainer, scale):
    pipeline, table, _ = fitted(classifier)
    found = explain_pipeline(pipeline, table.iloc[:8], table, seed=1)
    assert (found.explainer, found.scale) == (explainer, scale)
    # Case by case, and to the model itself, not only to what was stored beside the values.
    p = pipeline.predict_proba(table.iloc[:8])[:, 1]
    expected = np.log(p / (1 - p)) if scale == "log_odds" else p
    assert sums(found).to_numpy() == pytest.approx(expected, abs=1e-6)
    assert found.prediction.to_numpy() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "classifier", [LogisticRegression(), RandomForestClassifier(n_estimators=20, random_state=1)]
)
def test_base_is_the_mean_prediction_over_the_background(classifier):
    pipeline, table, _ = fitted(classifier)
    found = explain_pipeline(pipeline, table.iloc[:5], table, seed=1)
    p = pipeline.predict_proba(table)[:, 1]
    expected = np.log(p / (1 - p)).mean() if found.scale == "log_odds" else p.mean()
    assert found.base == pytest.approx(expected, abs=1e-6)


def test_linear_values_by_hand():
    table = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]}, index=list("wxyz"))
    pipeline = make_pipeline(LogisticRegression()).fit(table, [0, 0, 1, 1])
    found = explain_pipeline(pipeline, table, table, seed=1).table.set_index(["case", "feature"])
    slope = pipeline[-1].coef_[0][0]
    assert found.loc[("z", "a"), "shap"] == pytest.approx(slope * (3 - 1.5))
    assert found.loc[("z", "a"), "value"] == 3


def test_a_category_is_shown_as_it_is():
    table = clinical()[["sex", "age"]].dropna()
    y = (table["sex"] == "F").to_numpy() ^ (np.arange(len(table)) % 7 == 0)
    coded = ColumnTransformer(
        [("sex", OneHotEncoder(), ["sex"]), ("age", StandardScaler(), ["age"])],
        verbose_feature_names_out=False,
    )
    pipeline = make_pipeline(coded, LogisticRegression()).fit(table, y)
    found = explain_pipeline(pipeline, table, table, seed=1).table
    shown = found[found["feature"] == "sex_F"].set_index("case")["value"]
    assert shown.tolist() == table["sex"].tolist()


def test_only_used_features_are_shown_with_the_values_a_reader_knows():
    pipeline, table, _ = fitted(LogisticRegression(), keep=2)
    found = explain_pipeline(pipeline, table.iloc[:5], table, seed=1)
    assert set(found.table["feature"]) == {"f00", "f01"}
    assert found.table.columns.tolist() == ["feature", "case", "value", "shap", "scale"]
    values = found.table.query("feature == 'f00'").set_index("case")["value"].astype(float)
    # The raw value, not the scaled one; the missing one is shown as missing.
    pd.testing.assert_series_equal(values, table["f00"].iloc[:5], check_names=False)
    assert np.isnan(values["c03"])


def test_known_directions_and_order():
    pipeline, table, _ = fitted(LogisticRegression())
    found = explain_pipeline(pipeline, table, table, seed=1)
    summary = summarise_shap(found)
    assert set(summary["feature"][:2]) == {"f00", "f01"}
    wide = found.table.assign(value=found.table["value"].astype(float))
    for feature, sign in (("f00", 1), ("f01", -1)):
        rows = wide[wide["feature"] == feature].dropna()
        assert np.corrcoef(rows["value"], rows["shap"])[0, 1] * sign > 0.99


def test_permutation_values_of_an_additive_model_are_exact():
    table, _ = cohort()
    table = table.fillna(0.0)

    def predict(rows):
        return 0.5 + 0.05 * np.clip(rows["f00"], -3, 3) - 0.02 * np.clip(rows["f01"], -3, 3)

    found = explain_predictions(predict, table.iloc[:4], table, seed=1, permutations=2)
    values = found.table.set_index(["case", "feature"])["shap"]
    clipped = np.clip(table["f00"], -3, 3)
    assert values["c00", "f00"] == pytest.approx(0.05 * (clipped["c00"] - clipped.mean()))
    assert found.base == pytest.approx(np.mean(predict(table)))


def test_explaining_many_columns_of_many_cases_asks_for_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr(tabular, "MOST_PREDICTIONS", 20_000)
    table, _ = cohort(n=40, columns=12)
    table = table.fillna(0.0)
    asked = []

    def predict(rows):
        asked.append(len(rows))
        return np.tanh(rows.to_numpy(dtype=float).sum(axis=1))

    found = explain_predictions(predict, table, table, seed=1, columns=list(table))
    # One order of 12 inputs forwards and backwards, of 40 cases over a background of 20.
    assert 0.8 * 20_000 < sum(asked) < 20_000
    assert sums(found).to_numpy() == pytest.approx(predict(table), abs=1e-9)


def test_shapley_values_of_an_interaction_by_hand():
    # f = a * b from background 0: both share a * b equally; c adds what it is.
    rows, background = np.array([[2.0, 3.0, 5.0]]), np.zeros((4, 3))
    found = sampled_shapley(
        lambda x: x[:, 0] * x[:, 1] + x[:, 2], rows, background, orders=1, seed=1
    )
    assert found.tolist() == [[3.0, 3.0, 5.0]]
    single = sampled_shapley(lambda x: x[:, 0], rows[:, :1], background[:, :1], orders=1, seed=1)
    assert single.tolist() == [[2.0]]


def test_batches_do_not_change_shapley_values(monkeypatch):
    rng = np.random.default_rng(1)
    rows, background = rng.normal(size=(2, 4)), rng.normal(size=(5, 4))
    found = []
    for batch in (1, 50_000):
        monkeypatch.setattr(sampling, "BATCH", batch)
        values = sampled_shapley(
            lambda x: np.tanh(x.prod(axis=1)), rows, background, orders=3, seed=1
        )
        found.append(values)
    assert found[0] == pytest.approx(found[1])


def sex_and_age(rows):
    """A model of a text column and a number, which stands both missing."""
    age = rows["age"].fillna(60).to_numpy(dtype=float)
    return 0.3 + 0.2 * (rows["sex"] == "F").to_numpy() + 0.004 * (age - 60)


def clinical():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], 30),
            "age": rng.normal(60, 8, 30),
            "hospital": "a",
            "noise": rng.normal(size=30),
        },
        index=[f"c{i:02d}" for i in range(30)],
    )
    table.loc["c01", "age"] = np.nan
    table.loc["c02", "sex"] = None
    return table


def test_text_and_missing_values_are_explained():
    table = clinical()
    found = explain_predictions(sex_and_age, table.iloc[:5], table, seed=1)
    assert set(found.table["feature"]) == {"sex", "age"}
    assert sums(found).to_numpy() == pytest.approx(sex_and_age(table.iloc[:5]), abs=1e-9)


def test_used_columns_are_found_with_few_calls():
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(20, 512)))
    table.columns = [f"f{i}" for i in range(512)]
    calls = []

    def predict(rows):
        calls.append(len(rows))
        return (rows["f7"] + rows["f300"] ** 2).to_numpy()

    assert used_columns(predict, table, table, seed=1) == ["f7", "f300"]
    assert len(calls) < 40


def test_a_linear_model_of_many_columns_is_seen_through():
    # Matrix products of other sizes differ in the last bit, which is no use of a column.
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.normal(size=(30, 300)), columns=[f"f{i}" for i in range(300)])
    weights = np.zeros(300)
    weights[[3, 50, 51, 299]] = [0.3, -0.2, 1e-3, 0.7]
    found = used_columns(
        lambda rows: 1 / (1 + np.exp(-(rows.to_numpy() @ weights))), table, table, seed=1
    )
    assert found == ["f3", "f50", "f51", "f299"]


def test_columns_may_be_named_instead_of_sought():
    table = clinical()
    sought = explain_predictions(sex_and_age, table.iloc[:3], table, seed=1)
    named = explain_predictions(sex_and_age, table.iloc[:3], table, seed=1, columns=["sex", "age"])
    pd.testing.assert_frame_equal(sought.table, named.table)
    assert source_columns(["sex_F", "age", "pc1"], table) == {"sex_F": "sex", "age": "age"}


def test_a_constant_model_uses_nothing():
    table = clinical()
    found = explain_predictions(lambda rows: np.full(len(rows), 0.3), table, table, seed=1)
    assert found.table.empty
    assert found.base == pytest.approx(0.3)
    assert explain_locally(lambda rows: np.full(len(rows), 0.3), table, table).empty


def test_codes_come_back():
    table = clinical()
    codes = Codes.of(table, table, ["sex", "age"])
    back = codes.decode(codes.encode(table))
    expected = table.reset_index(drop=True)
    pd.testing.assert_frame_equal(back[["sex", "age"]], expected[["sex", "age"]])
    assert back.columns.tolist() == table.columns.tolist()
    assert set(back["hospital"]) == {"a"}


def test_same_seed_same_values():
    table = clinical()
    first, second = (
        explain_predictions(sex_and_age, table.iloc[:3], table, seed=4).table for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)


def test_other_columns_are_refused():
    table = clinical()
    with pytest.raises(
        RadpipeError, match=r"other columns than the rows to explain; found \['age'\]"
    ):
        explain_predictions(sex_and_age, table, table.drop(columns="age"), seed=1)
    with pytest.raises(RadpipeError, match="nothing to explain"):
        explain_predictions(sex_and_age, table, table.iloc[:0], seed=1)
    with pytest.raises(RadpipeError, match="only binary classifiers can be explained; found SVR"):
        explain_pipeline(make_pipeline(SVR()), table, table, seed=1)


def test_lime_finds_the_directions_and_tells_its_spread():
    pipeline, table, _ = fitted(LogisticRegression())
    # Two cases in which both columns speak clearly for one class.
    balance = (table["f00"] - table["f01"]).sort_values()
    clear = [balance.index[0], balance.dropna().index[-1]]
    found = explain_locally(
        lambda rows: pipeline.predict_proba(rows)[:, 1],
        table.loc[clear],
        table,
        seeds=(1, 2, 3),
        samples=300,
    )
    assert found.columns.tolist() == COLUMNS
    expected = pipeline.predict_proba(table.loc[clear])[:, 1]
    first = found.groupby("case", sort=False)["prediction"].first()
    assert first.tolist() == pytest.approx(expected)
    assert found["case"].unique().tolist() == clear
    for case, sign in zip(clear, (-1, 1), strict=True):
        rows = found[found["case"] == case]
        assert set(rows["feature"].iloc[:2]) == {"f00", "f01"}
        assert (rows["weight_mean"].iloc[:2] * sign > 0).all()
        assert rows["weight_mean"].abs().is_monotonic_decreasing
    assert (found["weight_sd"] > 0).all()
    assert found["fidelity"].between(0, 1).all()


def test_lime_takes_text_and_missing_values():
    table = clinical()
    found = explain_locally(sex_and_age, table.iloc[:3], table, seeds=(1, 2), samples=200)
    assert set(found["feature"]) == {"sex", "age"}
    assert np.isfinite(found[["weight_mean", "weight_sd"]]).all(axis=None)
    again = explain_locally(sex_and_age, table.iloc[:3], table, seeds=(1, 2), samples=200)
    pd.testing.assert_frame_equal(found, again)


def test_importance_is_the_loss_of_auc():
    table, y = cohort(n=200)
    table = table.fillna(0.0)
    found = permutation_importance(
        lambda rows: (rows["f00"] - 0.2 * rows["f01"]).to_numpy(), table, y, seed=1
    )
    assert found["feature"].tolist() == ["f00", "f01"]
    # Shuffled, f00 leaves little more than f01 to tell the classes apart.
    assert found["importance"].iloc[0] > 0.2 > found["importance"].iloc[1] > 0
    assert set(found["repeats"]) == {20}
