"""How an interval or a test was made, in the words of a reader instead of those of the tables."""

import pandas as pd

from radpipe.evaluation.procedure_intervals import METHOD

_WORDS = {
    "obuchowski_paired": "Obuchowski's paired test for clustered data",
    "delong_paired": "DeLong's paired test",
    "obuchowski": "Obuchowski's interval for clustered data",
    "delong": "DeLong's interval",
    "clopper_pearson": "exact binomial interval (Clopper-Pearson)",
    "wilson": "Wilson's interval",
    METHOD: "interval of the procedure from repeated cross-validation",
    "patient_bootstrap": "bootstrap over patients",
    "patient_bootstrap_paired": "paired bootstrap of patients",
    "nadeau_bengio": "Nadeau and Bengio's corrected interval",
    "sd": "standard deviation",
    "sign_flip_exact": "exact paired test by swapping the segmenters of patients",
    "sign_flip": "paired permutation test of patients",
}
_POOLED = "_pooled_oof_conditional"


def whole_procedure(methods: pd.Series) -> pd.Series:
    """Which of the intervals are about the procedure, not the fitted models alone."""
    return methods.astype(str).str.startswith(METHOD)


def method_names(methods: pd.Series) -> list[str]:
    """The different methods of a column `method`, in words and in alphabetical order."""
    return sorted({method_name(str(method)) for method in methods.dropna()} - {""})


def method_name(method: str) -> str:
    """A method of the tables in words: `delong_pooled_oof_conditional` -> `DeLong's interval, ...`.

    What follows a known name stays as it is; an unknown name only loses its underscores.
    """
    name, space, rest = method.partition(" ")
    base = name.removesuffix(_POOLED)
    words = _WORDS.get(base, base.replace("_", " "))
    # That such an interval is conditional on the fitted models is said where it is shown.
    return words + (", pooled out-of-fold" if name.endswith(_POOLED) else "") + space + rest
