"""What stands under each kind of figure, and what a reader who cannot see it is told."""

from dataclasses import dataclass

from radpipe.evaluation.tables_curves import SMOOTH_FROM
from radpipe.reporting.captions_models import MODELS


@dataclass(frozen=True)
class Caption:
    """Caption (with marks) and alternative text; `{subject}` is filled from the index."""

    text: str
    alt: str


CAPTIONS: dict[str, Caption] = {
    "flow_chart": Caption(
        "**Flow of cases** from the case sheet to the cohorts analysed.",
        "Flow chart of cases: case sheet, cases set aside by reason, usable cases by cohort.",
    ),
    "quality": Caption(
        "**Quality of images and of registration** by site, where it is known. A point is a case, "
        "a bar the median. Points far from the others deserve a look at the images.",
        "Quality measures of each case by modality and site.",
    ),
    "overlays": Caption(
        "**Prepared images with outlines of the masks.** Axial slices with the largest mask, "
        "front of the patient up, his left on the right of the picture.",
        "Axial slices of prepared images with outlines of reference and predicted masks.",
    ),
    "dice": Caption(
        "**Dice of every case by fold** (out-of-fold; cases of external cohorts were segmented "
        "by what was fitted on development cases). A bar is the median; missed masks count as 0.",
        "Dice coefficient of each case by fold.",
    ),
    "dice_segmenters": Caption(
        "**Dice of every case by segmenter**, mean over the labels of a case. The grey bar spans "
        "the quartiles, the line is the median; missed masks count as 0. † semi-automatic.",
        "Dice coefficient of each case, one row a segmenter.",
    ),
    "uncertainty": Caption(
        "**Dice reached over Dice expected** from the segmenter's own probabilities, a point a "
        "mask. On the line the expectation is right; below it the segmenter was too sure.",
        "Scatter of true over expected Dice of each mask, one panel a segmenter.",
    ),
    "dice_cases": Caption(
        "**Best, median and worst case** by Dice of segmenter `{subject}`.",
        "Slices of the best, the median and the worst segmented case with both outlines.",
    ),
    "training": Caption(
        "**Learning curves** of each network by fold: training loss (running mean) and, where "
        "training patients were kept aside, their mean Dice.",
        "Training loss and validation over steps for each network and fold.",
    ),
    "roc": Caption(
        "**Receiver operating characteristic** of every model. Development curves pool the "
        "out-of-fold predictions. The numbers are AUCs.",
        "ROC curves, one panel a model.",
    ),
    "forest": Caption(
        "**Every model beside the trivial baselines** (volume, clinical data or site alone) and "
        "the negative controls: the primary metric with its confidence interval. The dotted line "
        "is a model that knows nothing.",
        "Forest plot of the primary metric of each model with intervals.",
    ),
    "scores": Caption(
        "**Predicted probabilities** of every case by outcome (− grey, + coloured); a bar is the "
        "median.",
        "Strip plots of predicted probabilities by outcome, one panel a model.",
    ),
    "calibration": Caption(
        "**Calibration in the {subject} cohort.** Points are groups of cases with the interval of "
        "the observed share; the diagonal is perfect calibration. The line is a loess curve, with "
        f"fewer than {SMOOTH_FROM} cases the logistic line whose slope is printed: a smooth curve "
        "would follow single cases.",
        "Calibration curves in the {subject} cohort, one panel a model.",
    ),
    "decision": Caption(
        "**Decision curves.** Net benefit of acting on each model beside treating all and "
        "treating none; the baselines and the primary model are drawn thick.",
        "Net benefit over threshold probability for each model, by cohort.",
    ),
    "shap": Caption(
        "**SHAP values** of model `{subject}`. A point is a case; the bars are the mean absolute "
        "values. Grey is a value in the middle, or one that is no number. Correlated features "
        "share their credit arbitrarily.",
        "Beeswarm of SHAP values and bars of mean absolute SHAP of model {subject}.",
    ),
    "lime": Caption(
        "**LIME explanations of single cases** by model `{subject}`, with the standard deviation "
        "over seeds: a whisker as long as its bar says that the explanation is not stable. The "
        "features with the largest weights are shown.",
        "Bars of LIME weights of single cases of model {subject}.",
    ),
    "occlusion": Caption(
        "**Occlusion maps** of model `{subject}` with the prediction of each case. Red "
        "regions raise the prediction. The line is the outline of the mask.",
        "Occlusion maps over image slices, model {subject}.",
    ),
    "reconstructions": Caption(
        "**Held-out cases as an encoder keeps them** (`{subject}`): the best, the median and the "
        "worst by RMSE over all images of the crop, which stands above the difference (in SD of "
        "the training crops). The slice with most of the region (orange outline); input and "
        "reconstruction share one grey scale.",
        "Slices of three held-out crops beside their reconstructions by encoder {subject}.",
    ),
    "stability": Caption(
        "**Features ranked by their stability**: intraclass correlation (line) with its interval. "
        "A level is the upper end of the class named below it; negative values are drawn at the "
        "bottom.",
        "Ranked intraclass correlations of all features, one panel a kind of repetition.",
    ),
    "truth": Caption(
        "**What was recovered beside what is true** (simulated cohort). Above, single cases with "
        "the median and the goals (dashed); below, the AUC of each model beside the ceiling, the "
        "AUC of the latent value in the same cohort.",
        "Recovered values beside their goals, one panel a measure.",
    ),
}
CAPTIONS |= {kind: Caption(*texts) for kind, texts in MODELS.items()}
