"""A study as other stages would leave it: tables with the contract's columns, small images."""

from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
from scipy import ndimage
from scipy.stats import rankdata

from radpipe.config import Network, Study, load_study
from radpipe.io.files import write_json
from radpipe.io.images import image_like, write_image
from radpipe.io.tables import write_arrays, write_table
from radpipe.reporting.inputs import ReportInputs
from radpipe.segmentation.comparison import comparison_table
from radpipe.segmentation.plan import Plan, write_plan
from radpipe.segmentation.scoring import segmentation_summary
from radpipe.segmentation.uncertainty import uncertainty_quality
from radpipe.types import CaseFiles

MODELS = {
    "volume": (["volume"], "logistic", 0.8),
    "clinical": (["clinical"], "logistic", 0.6),
    "radiomics_enet": (["handcrafted"], "elastic_net", 1.4),
    "radiomics_forest": (["handcrafted"], "random_forest", 1.2),
    "deep": (["ae"], "elastic_net", 0.9),
    "cnn": (["images"], "cnn3d", 0.9),
    "fusion": (["clinical", "handcrafted", "ae"], "elastic_net", 1.5),
}
METRICS = (
    *("auc", "auc_fold_mean", "average_precision", "brier", "scaled_brier", "log_loss"),
    *("calibration_slope", "calibration_intercept", "ici", "sensitivity", "specificity"),
    *("ppv", "npv", "accuracy", "balanced_accuracy", "f1", "mcc"),
)
FEATURES = [
    f"{m}__{i}__{c}__{f}"
    for m in ("T1w", "FLAIR")
    for i in ("original", "log-sigma-3-0-mm-3D", "wavelet-LLH")
    for c, f in (("firstorder", "Kurtosis"), ("glcm", "ClusterProminence"), ("shape", "Sphericity"))
]


def make_study(**changes: object) -> Study:
    """The demo-like study; `changes` replace top-level keys."""
    models = [{"name": n, "blocks": list(b), "predictor": p} for n, (b, p, _) in MODELS.items()]
    config: dict[str, object] = {
        "study": "demo",
        "cases": "demo/cases.tsv",
        "outcome": {"column": "high_grade"},
        "images": {"modalities": ["T1w", "FLAIR"]},
        "bias_correction": {"modalities": ["T1w", "FLAIR"]},
        "segmentation": {"mask_source": "unet", "segmenters": [{"name": "unet"}]},
        "features": {"handcrafted": {}, "encoders": [{"name": "ae"}], "clinical": ["age", "sex"]},
        "models": models,
        "report": {"authors": ["A. Reader", "B. Writer"], "title": "Grade of simulated lesions"},
    }
    return load_study(config | changes)


def make_segmentation_study() -> Study:
    """A study without an outcome and with two labels."""
    return make_study(
        study="hippo",
        outcome=None,
        images={"modalities": ["T1w"]},
        bias_correction={},
        segmentation={
            "mask_source": "unet",
            "labels": {"anterior": 1, "posterior": 2},
            "segmenters": [{"name": "unet"}],
        },
        features={},
        models=[],
        report={},
    )


SEGMENTERS = [
    {"name": "planned"},
    {"name": "unet", "network": "unet", "channels": [16, 32, 64], "early_stopping": {}},
    {"name": "swin_unetr_pretrained", "network": "swin_unetr", "patch": [64, 64, 64]},
    {"name": "pet_fwhm", "classical": "fwhm", "within": "box"},
    {"name": "atlas", "classical": "atlas", "cleaning": {"largest_component": True}},
    {"name": "all_networks", "ensemble": ["planned", "unet"], "combine": "staple"},
]
"""Six segmenters: planned, named, fine-tuned, semi-automatic, by atlases and joined."""


def make_rivals() -> Study:
    """A study without an outcome that compares six segmenters."""
    return make_study(
        study="rivals",
        outcome=None,
        images={"modalities": ["T1w"]},
        bias_correction={},
        segmentation={
            "mask_source": "planned",
            "labels": {"anterior": 1, "posterior": 2},
            "segmenters": SEGMENTERS,
            "tolerance_mm": [2.0, 0.5],
        },
        features={},
        models=[],
        report={},
    )


def make_inputs(
    root: Path, study: Study, *, development: int = 40, external: int = 16, images: int = 6
) -> ReportInputs:
    """Write every table, image and mask the study makes; the same bytes every time."""
    rng = np.random.default_rng(7)
    cases = _cases(rng, development, external)
    if study.outcome is None:
        cases = cases.drop(columns="high_grade")
    folds = study.splits.outer
    tables: dict[str, pd.DataFrame] = {"quality": _quality(rng, cases, study)}
    tables["segmentation"] = _segmentation(rng, cases, study, folds)
    settings = {"confidence": 0.95, "samples": 200, "seed": 1}
    tables["segmentation_summary"] = segmentation_summary(tables["segmentation"], cases, **settings)
    if len(study.segmentation.segmenters) > 1:
        scores = tables["segmentation"]
        sure = scores[["case", "fold", "segmenter", "label"]].copy()
        sure["expected_dice"] = np.clip(scores["dice"] + rng.normal(0.02, 0.05, len(scores)), 0, 1)
        tables["segmenter_comparisons"] = comparison_table(scores, cases, **settings)
        tables["uncertainty"] = sure
        tables["uncertainty_quality"] = uncertainty_quality(
            sure, scores, cases, **{**settings, "samples": 20}
        )
    explanations: dict[str, dict[str, Path]] = {"explanations": {}, "lime": {}, "occlusion": {}}
    if study.outcome is not None:
        tables |= _model_tables(rng, cases, study, folds)
        explanations = _explanations(rng, root / "tables" / "explanations", cases)
    for name, table in tables.items():
        write_table(table, root / "tables" / f"{name}.tsv")
    write_table(cases, root / "cohort/cases.tsv")
    write_table(_exclusions(), root / "cohort/exclusions.tsv")
    write_table(_splits(cases, folds), root / "cohort/splits.tsv")
    write_json(_provenance(study), root / "provenance.json")
    prepared, predicted = _images(rng, root, cases["case"].tolist()[:images], study)
    return ReportInputs(
        tables={name: root / "tables" / f"{name}.tsv" for name in tables},
        cases=root / "cohort/cases.tsv",
        exclusions=root / "cohort/exclusions.tsv",
        splits=root / "cohort/splits.tsv",
        provenance=root / "provenance.json",
        figures=root / "figures",
        prepared=prepared,
        predicted={s.name: predicted for s in study.segmentation.segmenters[:2]},
        training=_training(rng, root, study, folds),
        plans=_plans(root, study, folds),
        **_reconstructions(rng, root, study, cases),
        **explanations,
    )


def _reconstructions(
    rng: np.random.Generator, root: Path, study: Study, cases: pd.DataFrame
) -> dict[str, dict[str, Path]]:
    """Of each encoder three cases, each blurred more than the one before."""
    made: dict[str, dict[str, Path]] = {"reconstructions": {}, "reconstruction_errors": {}}
    ball = np.hypot(*np.indices((24, 24)) - 11.5)
    for encoder in study.features.encoders:
        folder = root / "tables" / "embeddings" / encoder.name
        table = cases.loc[cases["cohort"] == "development", ["case"]].assign(fold="r1f1")
        table["rmse"] = np.linspace(0.3, 1.2, len(table))
        table["rmse_region"] = table["rmse"] / 2
        arrays = {"modalities": np.array(study.images.modalities)}
        for number, case in enumerate(table["case"].iloc[[0, len(table) // 2, -1]]):
            count = len(study.images.modalities)
            image = np.stack([(ball < 7 + k) * 1.0 for k in range(count)])
            image += rng.normal(0, 0.3, image.shape)
            again = ndimage.gaussian_filter(image, (0, number + 1, number + 1))
            arrays |= {
                f"{case}__image": image.astype(np.float32),
                f"{case}__reconstruction": again.astype(np.float32),
                f"{case}__mask": (ball < 6).astype(np.float32),
                f"{case}__rmse": np.float32(0.3 + 0.4 * number),
            }
        made["reconstructions"][encoder.name] = folder / "reconstructions.npz"
        made["reconstruction_errors"][encoder.name] = folder / "reconstruction.tsv"
        write_arrays(arrays, folder / "reconstructions.npz")
        write_table(table, folder / "reconstruction.tsv")
    return made


def _cases(rng: np.random.Generator, development: int, external: int) -> pd.DataFrame:
    n = development + external
    latent = rng.normal(size=n)
    positive = (latent + rng.normal(scale=0.7, size=n) > 0.1).astype(int)
    age = np.round(55 + 6 * latent + rng.normal(scale=9, size=n), 1)
    age[rng.random(n) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "case": [f"sub{i + 1:03d}" for i in range(n)],
            "patient": [f"p{max(i, 1) + 1:03d}" for i in range(n)],
            "site": np.where(np.arange(n) % 3 == 0, "B", "A"),
            "cohort": ["development"] * development + ["external"] * external,
            "high_grade": positive,
            "age": age,
            "sex": rng.choice(["F", "M"], n),
        }
    )


def _exclusions() -> pd.DataFrame:
    rows = [
        (
            "bad1",
            "check",
            "case 'bad1', file x/T1w.nii.gz: the image cannot be read; found a "
            "truncated or unreadable file, expected a complete NIfTI, NRRD or MetaImage file",
        ),
        ("bad2", "check", "case 'bad2', file x/mask.nii.gz: the mask is empty; found 0 voxels"),
        ("bad3", "check", "case 'bad3', file x/mask.nii.gz: the mask is empty; found 0 voxels"),
        ("bad_4*", "check", "case 'bad_4*': the image [#1] is the same as that of case 'sub001'"),
    ]
    return pd.DataFrame(rows, columns=["case", "stage", "reason"])


def _splits(cases: pd.DataFrame, folds: list[str]) -> pd.DataFrame:
    development = cases["cohort"] == "development"
    rows = []
    for k, fold in enumerate(folds):
        for i, case in enumerate(cases.loc[development, "case"]):
            rows.append((fold, case, "test" if i % len(folds) == k else "train"))
    for case, inside in zip(cases["case"], development, strict=True):
        rows.append(("final", case, "train" if inside else "test"))
    return pd.DataFrame(rows, columns=["fold", "case", "part"])


def _quality(rng: np.random.Generator, cases: pd.DataFrame, study: Study) -> pd.DataFrame:
    rows = []
    for case in cases["case"]:
        for modality in study.images.modalities:
            rows.append((case, "import", modality, "snr", rng.normal(20, 4)))
            rows.append((case, "bias", modality, "field_cv", abs(rng.normal(0.1, 0.03))))
        for modality in study.images.moving:
            rows.append((case, "registration", modality, "translation_mm", rng.gamma(3, 1)))
            rows.append((case, "registration", modality, "rotation_deg", rng.gamma(2, 1)))
    return pd.DataFrame(rows, columns=["case", "stage", "modality", "measure", "value"])


def _segmentation(
    rng: np.random.Generator, cases: pd.DataFrame, study: Study, folds: list[str]
) -> pd.DataFrame:
    rows = []
    names = [segmenter.name for segmenter in study.segmentation.segmenters]
    for k, name in enumerate(names):
        for i, row in enumerate(cases.itertuples()):
            fold = folds[i % len(folds)] if row.cohort == "development" else "final"
            for label in study.segmentation.labels:
                dice = 0.0 if i == 3 + k else float(np.clip(rng.beta(20 - 2 * k, 3), 0, 1))
                place = {"case": row.case, "fold": fold, "segmenter": name, "label": label}
                rows.append(place | _scores(rng, dice, study.segmentation.tolerance_mm))
    return pd.DataFrame(rows)


def _scores(rng: np.random.Generator, dice: float, tolerances_mm: list[float]) -> dict[str, float]:
    lost = dice == 0
    difference = rng.normal(0, 1.5)
    return {
        "dice": dice,
        "iou": dice / (2 - dice),
        "sensitivity": dice,
        "precision": dice,
        "hd_mm": np.nan if lost else rng.gamma(4, 1),
        "hd95_mm": np.nan if lost else rng.gamma(3, 1),
        "assd_mm": np.nan if lost else rng.gamma(2, 0.4),
        **{f"surface_dice_{t:g}mm": dice ** (1 / t) for t in tolerances_mm},
        **{f"boundary_iou_{t:g}mm": dice ** (2 / t) for t in tolerances_mm},
        "volume_difference_ml": difference,
        "absolute_volume_difference_ml": abs(difference),
        "relative_volume_difference": rng.normal(0, 0.1),
        "lesions": 2,
        "lesions_found": 0 if lost else 1 + (dice > 0.8),
        "lesions_false": int(rng.poisson(0.4)),
        "lesion_sensitivity": 0.0 if lost else 0.5 + 0.5 * (dice > 0.8),
        "grid_diagonal_mm": 200.0,
        "missed": lost,
        "both_empty": False,
        "pixel_accuracy": 0.99,
        "mean_accuracy": dice,
        "mean_iou": dice / (2 - dice),
    }


def _auc(y: np.ndarray, p: np.ndarray) -> float:
    ranks = rankdata(p)
    n1 = y.sum()
    return float((ranks[y == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(y) - n1)))


def _model_tables(
    rng: np.random.Generator, cases: pd.DataFrame, study: Study, folds: list[str]
) -> dict[str, pd.DataFrame]:
    predictions = _predictions(rng, cases, folds)
    performance, roc, points, calibration, decision = [], [], [], [], []
    for (model, cohort), part in predictions.groupby(["model", "cohort"], sort=False):
        y, p = part["y_true"].to_numpy(), part["y_prob"].to_numpy()
        auc, width = _auc(y, p), 1.0 / np.sqrt(len(y))
        for metric in METRICS:
            value = auc if metric.startswith("auc") else float(rng.uniform(0.4, 0.9))
            low, high = max(value - width, 0), min(value + width, 1)
            if metric == "auc_fold_mean":
                low = high = np.nan
            performance.append((model, cohort, metric, value, low, high, "delong", len(y)))
        roc += [
            (model, cohort, t, (p[y == 0] >= t).mean(), (p[y == 1] >= t).mean())
            for t in np.sort(np.unique(np.r_[0, p, 1]))[::-1]
        ]
        points.append((model, cohort, 0.5, *_confusion(y, p)))
        for group in np.array_split(np.argsort(p), 4):
            o = y[group].mean()
            calibration.append(
                (
                    model,
                    cohort,
                    p[group].mean(),
                    o,
                    max(o - 0.2, 0),
                    min(o + 0.2, 1),
                    len(group),
                    "bin",
                )
            )
        for x in np.linspace(p.min(), p.max(), 20):
            o = float(np.clip(x + 0.08 * np.sin(6 * x), 0, 1))
            calibration.append((model, cohort, x, o, np.nan, np.nan, len(y), "loess"))
        for t in np.linspace(0.05, 0.75, 29):
            net = ((p >= t) & (y == 1)).mean() - ((p >= t) & (y == 0)).mean() * t / (1 - t)
            decision.append((model, cohort, t, net))
    for cohort, part in predictions.groupby("cohort", sort=False):
        rate = part["y_true"].mean()
        for t in np.linspace(0.05, 0.75, 29):
            decision.append(("treat_all", cohort, t, rate - (1 - rate) * t / (1 - t)))
            decision.append(("treat_none", cohort, t, 0.0))
    frame = pd.DataFrame
    columns = ["model", "cohort", "metric", "estimate", "ci_low", "ci_high", "method", "n"]
    return {
        "predictions": predictions,
        "performance": frame(performance, columns=columns),
        "roc": frame(
            roc,
            columns=["model", "cohort", "threshold", "false_positive_rate", "true_positive_rate"],
        ),
        "operating_points": frame(
            points, columns=["model", "cohort", "threshold", "tp", "fp", "fn", "tn"]
        ),
        "calibration": frame(
            calibration,
            columns=["model", "cohort", "predicted", "observed", "ci_low", "ci_high", "n", "kind"],
        ),
        "decision_curve": frame(decision, columns=["model", "cohort", "threshold", "net_benefit"]),
        "comparisons": _comparisons(frame(performance, columns=columns)),
        "sample_size": frame(
            [
                ("shrinkage", 0.9, 1662, 40, False, "fusion", 120),
                ("all", 0.1, 1662, 40, False, "fusion", 120),
                ("events", 0.4, 665, 16, False, "fusion", 120),
            ],
            columns=["criterion", "value", "needed", "found", "met", "model", "parameters"],
        ),
        "tripwires": frame([("the order of the rows tells the outcome",)], columns=["warning"]),
        "controls": _controls(),
        "selection": _selection(rng, folds),
        "truth": _truth(),
        "truth_cases": _truth_cases(rng, cases),
        "features": _features(rng, cases),
    }


def _confusion(y: np.ndarray, p: np.ndarray) -> tuple[int, int, int, int]:
    hit = p >= 0.5
    return (
        int((hit & (y == 1)).sum()),
        int((hit & (y == 0)).sum()),
        int((~hit & (y == 1)).sum()),
        int((~hit & (y == 0)).sum()),
    )


def _predictions(rng: np.random.Generator, cases: pd.DataFrame, folds: list[str]) -> pd.DataFrame:
    parts = []
    for model, (_, _, strength) in MODELS.items():
        y = cases["high_grade"].to_numpy()
        score = strength * (y - 0.5) * 1.3 + rng.normal(size=len(y))
        inside = cases["cohort"] == "development"
        fold = np.where(inside, [folds[i % len(folds)] for i in range(len(y))], "final")
        parts.append(
            pd.DataFrame(
                {
                    "model": model,
                    "case": cases["case"],
                    "patient": cases["patient"],
                    "cohort": cases["cohort"],
                    "fold": fold,
                    "y_true": y,
                    "y_prob": 1 / (1 + np.exp(-score)),
                    "threshold": 0.5,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _comparisons(performance: pd.DataFrame) -> pd.DataFrame:
    auc = performance[performance["metric"] == "auc"].set_index(["model", "cohort"])["estimate"]
    rows = []
    for cohort in performance["cohort"].unique():
        for other in [m for m in MODELS if m != "fusion"]:
            d = auc["fusion", cohort] - auc[other, cohort]
            rows.append(
                (
                    "fusion",
                    other,
                    cohort,
                    d,
                    d - 0.15,
                    d + 0.15,
                    d / 0.075,
                    max(1e-5, 1 - abs(d) * 5),
                    max(1e-4, 1 - abs(d) * 3),
                    "delong",
                )
            )
    return pd.DataFrame(
        rows,
        columns=[
            "model_a",
            "model_b",
            "cohort",
            "difference",
            "ci_low",
            "ci_high",
            "z",
            "p",
            "p_holm",
            "method",
        ],
    )


def _controls() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("permuted_labels", "radiomics_enet", "auc", 0.507, 0.31, 0.71, 0.048, 20, 0.5),
            ("shuffled", "radiomics_enet", "auc", 0.66, 0.48, 0.83, np.nan, 40, 0.5),
            ("displaced", "radiomics_enet", "auc", 0.71, 0.55, 0.87, np.nan, 40, 0.5),
        ],
        columns=[
            "control",
            "model",
            "metric",
            "estimate",
            "ci_low",
            "ci_high",
            "p",
            "n",
            "expected",
        ],
    )


def _selection(rng: np.random.Generator, folds: list[str]) -> pd.DataFrame:
    rows = [
        (model, fold, feature, rng.normal())
        for model in ("radiomics_enet", "fusion")
        for fold in folds
        for feature in FEATURES
        if rng.random() < 0.5
    ]
    return pd.DataFrame(rows, columns=["model", "fold", "feature", "weight"])


def _truth() -> pd.DataFrame:
    registration = ("registration", "target_registration_error_mm_FLAIR")
    rows: list[tuple[str, str, float, str, object]] = [
        (registration[0], f"{registration[1]}_median", 0.8, "< 3", True),
        (registration[0], f"{registration[1]}_max", 2.1, "< 6", True),
        ("bias_correction", "field_correlation_mean", 0.94, ">= 0.90", True),
        ("bias_correction", "field_correlation_T1w_mean", 0.94, ">= 0.90", True),
        ("segmentation", "dice_unet_mean", 0.79, ">= 0.80", False),
        ("segmentation", "dice_unet_min", 0.0, "", None),
    ]
    for i, model in enumerate(MODELS):
        for cohort, ceiling in (("development", 0.91), ("external", 0.86)):
            goal = f"ceiling {ceiling:.2f} (large sample 0.90)"
            rows.append(("discrimination", f"auc_{model}_{cohort}", 0.6 + 0.04 * i, goal, None))
    return pd.DataFrame(rows, columns=["stage", "measure", "value", "goal", "met"])


def _truth_cases(rng: np.random.Generator, cases: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for case in cases["case"]:
        error = rng.gamma(3, 0.3)
        rows.append((case, "registration", "target_registration_error_mm_FLAIR", error))
        rows.append((case, "bias_correction", "field_correlation_T1w", 1 - rng.gamma(2, 0.03)))
        rows.append((case, "segmentation", "dice_unet", rng.beta(20, 4)))
    return pd.DataFrame(rows, columns=["case", "stage", "measure", "value"])


def _features(rng: np.random.Generator, cases: pd.DataFrame) -> pd.DataFrame:
    values = pd.DataFrame(rng.normal(size=(len(cases), len(FEATURES))), columns=FEATURES)
    return pd.concat([cases[["case"]], values], axis=1)


def _explanations(
    rng: np.random.Generator, folder: Path, cases: pd.DataFrame
) -> dict[str, dict[str, Path]]:
    rows = []
    for feature in FEATURES:
        effect = rng.normal(scale=0.5)
        for case in cases["case"]:
            value = rng.normal()
            rows.append(("radiomics_enet", case, feature, value, effect * value, "log-odds"))
    shap = pd.DataFrame(rows, columns=["model", "case", "feature", "value", "shap", "scale"])
    write_table(shap, folder / "radiomics_enet.tsv")
    lime = pd.DataFrame(
        [
            ("radiomics_enet", case, feature, rng.normal(scale=0.1), 0.02, 0.5 + 0.1 * i)
            for i, case in enumerate(cases["case"][:3])
            for feature in FEATURES[:8]
        ],
        columns=["model", "case", "feature", "weight_mean", "weight_sd", "prediction"],
    )
    write_table(lime.assign(scale="probability"), folder / "radiomics_enet_lime.tsv")
    arrays: dict[str, np.ndarray] = {"scale": np.array("probability")}
    for i, case in enumerate(cases["case"][:3]):
        image, mask = _phantom(rng, 24)
        arrays |= {
            f"{case}__image": image,
            f"{case}__mask": mask,
            f"{case}__map": np.where(mask, rng.normal(0.1, 0.05, mask.shape), 0.0),
            f"{case}__case": np.array(case),
            f"{case}__prediction": np.array(0.3 + 0.2 * i),
        }
    np.savez(folder / "cnn_occlusion.npz", **arrays)
    return {
        "explanations": {"radiomics_enet": folder / "radiomics_enet.tsv"},
        "lime": {"radiomics_enet": folder / "radiomics_enet_lime.tsv"},
        "occlusion": {"cnn": folder / "cnn_occlusion.npz"},
    }


def _phantom(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    z, y, x = np.indices((size,) * 3) / size - 0.5
    head = (x**2 + y**2 * 0.7 + z**2) < 0.2
    cx, cy = rng.uniform(-0.15, 0.15, 2)
    lesion = ((x - cx) ** 2 + (y - cy) ** 2 + z**2) < 0.015
    image = head * (1 + 0.3 * np.sin(12 * x) * np.cos(9 * y)) + lesion * 0.8
    return (image + rng.normal(scale=0.05, size=image.shape)).astype(np.float32), lesion


def _images(
    rng: np.random.Generator, root: Path, cases: list[str], study: Study
) -> tuple[dict[str, CaseFiles], dict[str, Path]]:
    prepared, predicted = {}, {}
    for case in cases:
        image, lesion = _phantom(rng, 40)
        grid = sitk.GetImageFromArray(image)
        grid.SetSpacing((3.0, 3.0, 3.0))
        paths = {m: root / "prepared" / case / f"{m}.nii.gz" for m in study.images.modalities}
        for path in paths.values():
            write_image(image_like(image, grid), path)
        reference = root / "masks/reference" / f"{case}.nii.gz"
        predicted[case] = root / "masks/unet" / f"{case}.nii.gz"
        write_image(image_like(lesion.astype(np.uint8), grid), reference)
        moved = np.roll(lesion, 1, axis=2).astype(np.uint8)
        write_image(image_like(moved, grid), predicted[case])
        prepared[case] = CaseFiles(case, paths, reference)
    return prepared, predicted


def _training(
    rng: np.random.Generator, root: Path, study: Study, folds: list[str]
) -> dict[str, Path]:
    names = [s.name for s in study.segmentation.segmenters if isinstance(s, Network)]
    names += [e.name for e in study.features.encoders]
    paths = {}
    for name in names:
        for fold in [*folds, "final"]:
            step = np.arange(1, 201)
            log = pd.DataFrame(
                {
                    "step": step,
                    "loss": 0.2 + np.exp(-step / 50) + rng.normal(scale=0.03, size=200),
                    "learning_rate": 1e-3,
                    "seconds": step * 0.1,
                    "waiting": 0.01,
                    "validation": np.nan,
                }
            )
            if name == "planned":
                log.loc[step % 50 == 0, "validation"] = 0.9 - 0.5 / np.arange(1, 5)
            paths[f"{name}/{fold}"] = root / "training" / name / f"{fold}.tsv"
            write_table(log, paths[f"{name}/{fold}"])
    return paths


def _plans(root: Path, study: Study, folds: list[str]) -> dict[str, Path]:
    own = Network(name="planned", network="unet", channels=[16, 32, 64, 128], steps=1200)
    paths = {}
    for k, fold in enumerate([*folds, "final"]):
        plan = Plan(
            segmenter=own.model_copy(update={"batch": 2 + (k == 0)}),
            spacing_mm=(1.0, 1.0, 3.0),
            reasons={
                "network": "on a core, many steps of a plain network teach more than few",
                "spacing_mm": "median of the training cases",
                "patch": "the largest that leaves two patches a step",
                "batch": "what 4 GB hold",
                "flips": "left and right are told apart",
            },
        )
        paths[f"planned/{fold}"] = root / "segmenters/planned" / fold / "plan.yaml"
        write_plan(plan, paths[f"planned/{fold}"])
    return paths if any(s.name == "planned" for s in study.segmentation.segmenters) else {}


def _provenance(study: Study) -> dict[str, object]:
    return {
        "study": study.study,
        "seed": study.seed,
        "settings": study.model_dump(mode="json"),
        "code": {"imaging": "0123456789ab", "reporting": "ba9876543210"},
        "versions": {"python": "3.11.2", "radpipe": "0.1.0", "numpy": "2.4.6", "torch": "2.13.0"},
        "platform": {"system": "Linux", "machine": "x86_64"},
        "byte_order": "little",
        "sheet_sha256": "cd" * 32,
        "cases": 60,
        "inputs": {"sub001/T1w.nii.gz": "ab" * 32, "sub001/FLAIR.nii.gz": "ef" * 32},
    }
