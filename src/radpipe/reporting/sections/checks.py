"""Checks of the study itself: negative controls, and the truth of a simulated cohort."""

import pandas as pd

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Callout, Paragraph, Section, Table, literal
from radpipe.reporting.metric_names import metric_name
from radpipe.reporting.numbers import (
    MISSING,
    as_float,
    bounds,
    number,
    p_value,
    significant,
    with_bounds,
)


def controls(context: Context) -> Section | None:
    """What the study finds where there should be nothing to find."""
    table = context.table("controls")
    if table.empty:
        return None
    rows = [
        (
            _control_name(r.control),
            str(r.model),
            metric_name(str(r.metric)),
            with_bounds(r.estimate, r.ci_low, r.ci_high),
            _expected(r.expected),
            p_value(r.p),
            significant(r.n),
        )
        for r in table.itertuples()
    ]
    blocks: list[Block] = [
        Paragraph(_what_controls_are(table)),
        Table(
            ("control", "model", "metric", "estimate", "expected", "p", "n"),
            tuple(rows),
            "**Negative controls.**",
        ),
    ]
    blocks += [*_alarms(table), *_tripwires(context)]
    return Section("controls", "Negative controls", tuple(blocks))


_CONTROLS = {
    "permuted_labels": "**permuted labels** through all fitting (p counts the permutations that "
    "reach the {metric} of the true ones, [@ojala2010] [@phipson2010])",
    "shuffled": "**shuffled voxels**, which keep size, shape and histogram but no texture",
    "displaced": "**a displaced mask** of the same shape elsewhere",
    "noise": "**a mask filled with noise** of the mean and the spread of the region",
}
"""What each control is, in the order of the text."""


_NAMES = {
    "shuffled": "shuffled voxels",
    "displaced": "displaced mask",
    "noise": "mask filled with noise",
}


def _control_name(control: object) -> str:
    return _NAMES.get(str(control), str(control).replace("_", " "))


def _what_controls_are(table: pd.DataFrame) -> str:
    """The controls that this study ran; of a table of features there are no regions to change."""
    metric = metric_name(str(table["metric"].iloc[0]))
    run = set(table["control"].astype(str))
    said = [text.format(metric=metric) for name, text in _CONTROLS.items() if name in run]
    regions = run - {"permuted_labels"}
    against = (
        " A control that does as well as the model says that the model does not need what the "
        "control destroys [@welch2019]."
        if regions
        else ""
    )
    return f"Negative controls run the same chain where it should find less: {'; '.join(said)}." + (
        against
    )


def _tripwires(context: Context) -> list[Block]:
    """What the search for copies of the outcome said; a copy itself stops the run before."""
    if context.inputs.path("tripwires") is None:
        return []
    allowed = ", ".join(f"`{literal(name)}`" for name in context.study.features.allow)
    text = (
        "Before anything was fitted, each feature alone was held against the outcome of the "
        "development cohort. A clinical column that copies it would have stopped the run; a "
        "measured feature that tells it almost by itself is warned of [@kapoor2023]."
    )
    if allowed:
        text += f" Allowed by the config, and not looked at: {allowed}."
    warnings = context.table("tripwires")["warning"].astype(str)
    return [Paragraph(text), *(Callout("warning", literal(w)) for w in warnings)]


def _expected(value: object) -> str:
    return number(value, 2) if as_float(value) == as_float(value) else str(value or MISSING)


MEANING = {
    "permuted_labels": "With permuted outcomes nothing can be found: look for a leak.",
    "shuffled": "Shuffling keeps every intensity of the region and destroys its texture: what the "
    "model uses lies in the intensities, and texture is not needed for it.",
    "displaced": "The same shape elsewhere predicts more than its size explains: what the model "
    "uses lies in the whole image (the site, the scanner), not in the region.",
    "noise": "Noise keeps only mean, spread and shape of the region: what the model uses beyond "
    "size lies in these, and the pattern inside is not needed for it.",
}
"""What it says when a control does better than expected."""


def _alarms(table: pd.DataFrame) -> list[Block]:
    """A warning for each control whose interval lies above what is expected."""
    blocks: list[Block] = []
    for row in table.itertuples():
        low, high, expected = (as_float(x) for x in (row.ci_low, row.ci_high, row.expected))
        if low > expected:
            name = literal(_control_name(row.control))
            blocks.append(
                Callout(
                    "warning",
                    f"**A control lies above what is expected:** {name} of `{literal(row.model)}` ("
                    f"{metric_name(str(row.metric))} {number(row.estimate)}, "
                    f"{bounds(low, high)}; expected {number(expected, 2)}). "
                    + MEANING.get(str(row.control), MEANING["permuted_labels"]),
                )
            )
    return blocks


def _ceiling(table: pd.DataFrame) -> str:
    """What bounds the models, where their discrimination is held against the truth."""
    if not (table["stage"] == "discrimination").any():
        return ""
    return (
        " The ceiling is the AUC of the latent value itself; no model can be expected to do better."
    )


def truth(context: Context) -> Section | None:
    """Recovered values beside the truth of a simulated cohort."""
    table = context.table("truth")
    if table.empty:
        return None
    met = table["met"].astype(str).str.lower()
    table = table.assign(goal=table["goal"].fillna(""))
    rows = [
        (
            str(r.stage).replace("_", " "),
            str(r.measure).replace("_", " "),
            significant(r.value),
            str(r.goal or MISSING),
            {"true": "yes", "false": "no"}.get(word, MISSING),
        )
        for r, word in zip(table.itertuples(), met, strict=True)
    ]
    missed = sum(row[-1] == "no" for row in rows)
    verdict = "All goals were met." if not missed else f"**Goals missed: {missed}.**"
    return Section(
        "truth",
        "Self-check against the known truth",
        (
            Paragraph(
                "This cohort is simulated: transforms, bias fields, masks and the latent value "
                f"behind the outcome are known. {verdict}{_ceiling(table)}"
            ),
            Table(
                ("stage", "measure", "value", "goal", "met"), tuple(rows), "**Truth and result.**"
            ),
            *context.figures("truth"),
        ),
    )
