"""Predictors, selections and other steps of a model in words, each with its paper."""

from radpipe.config import Model

PREDICTORS: dict[str, str] = {
    "auto": "a search over whole pipelines whose best members are averaged [@caruana2004]",
    "logistic": "penalised logistic regression",
    "ridge": "ridge regression [@hoerl1970]",
    "cox": "penalised Cox regression [@cox1972]",
    "elastic_net": "regression with elastic net penalty [@zou2005]",
    "lasso": "regression with lasso penalty [@tibshirani1996]",
    "svm": "support vector machine [@cortes1995]",
    "knn": "nearest neighbours [@cover1967]",
    "random_forest": "random forest [@breiman2001]",
    "extra_trees": "extremely randomised trees [@geurts2006]",
    "martingale_forest": "random forest of martingale residuals [@therneau1990] [@breiman2001]",
    "gradient_boosting": "gradient boosting of trees [@friedman2001]",
    "naive_bayes": "naive Bayes with normal densities",
    "lda": "linear discriminant analysis [@fisher1936]",
    "mlp": "a small multi-layer perceptron",
    "rbf_network": "a network of radial basis functions [@broomhead1988]",
    "voting": "the mean of several predictors",
    "stacking": "stacked predictors [@wolpert1992]",
    "cnn3d": "a small 3-D convolutional network on a crop around the region",
    "cnn2d": "a small 2-D convolutional network on axial slices of a crop around the region",
    "cnn25d": "small 2-D convolutional networks on three planes through the region",
    "resnet": "a residual network [@he2016]",
    "densenet": "a densely connected network [@huang2017]",
    "se_resnet": "a residual network with squeeze and excitation [@hu2018]",
    "efficientnet": "an EfficientNet [@tan2019]",
    "cnn_lstm": "a 2-D convolutional network whose slices an LSTM joins [@hochreiter1997]",
    "cnn_transformer": "a 2-D convolutional network whose slices a transformer joins "
    "[@vaswani2017]",
    "capsule": "a capsule network [@sabour2017]",
    "mean": "the mean of the decisions of other models",
    "weighted": "a weighted mean of the decisions of other models",
    "stack": "stacking of the decisions of other models [@wolpert1992] [@breiman1996]",
}
"""Each `predictor` of the config."""

RANKINGS: dict[str, str] = {
    "none": "no ranking",
    "variance": "variance",
    "anova": "analysis of variance",
    "kruskal": "Kruskal–Wallis test",
    "mutual_information": "mutual information",
    "mrmr": "minimum redundancy and maximum relevance [@peng2005]",
    "relieff": "ReliefF [@kononenko1994]",
    "lasso": "lasso [@tibshirani1996]",
    "rfe": "recursive elimination [@guyon2002]",
    "boruta": "comparison with shuffled copies, after Boruta [@kursa2010]",
}
"""Each `selection.method` of the config."""


def predictor_name(model: Model) -> str:
    """The predictor of a model in words; one without words by its name in the config."""
    return PREDICTORS.get(model.predictor, model.predictor.replace("_", " "))


def ranking_name(model: Model) -> str:
    """The ranking of a model's features in words."""
    return RANKINGS.get(model.selection.method, model.selection.method.replace("_", " "))
