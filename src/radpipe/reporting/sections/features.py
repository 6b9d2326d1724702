"""Features: what was measured in which regions, with which settings, and what was chosen."""

from collections.abc import Mapping, Sequence

import pandas as pd

from radpipe.config import Handcrafted
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Callout, Paragraph, Section, Table, literal
from radpipe.reporting.numbers import count, listing, significant
from radpipe.types import FINAL

NAMED = 5
"""Cases that a reason is given with by name; more are counted, and stand in the table."""


def features(context: Context) -> Section | None:
    """What was measured in the region, and which features were chosen how often."""
    table, selection = context.table("features"), context.table("selection")
    if table.empty and selection.empty:
        return None
    blocks: list[Block] = []
    if len(table):
        given = context.study.features.table
        if given is None:
            blocks += _feature_blocks(table, context.table("feature_status"))
        else:
            blocks.append(_given(table, given.name))
        blocks += _setting_tables(context.table("feature_settings"))
        blocks += _warning_blocks(context.table("feature_warnings"), len(table))
    blocks += _selection_tables(context, selection) if len(selection) else []
    return Section("features", "Features", tuple(blocks))


def _given(table: pd.DataFrame, name: str) -> Paragraph:
    """What a table of the user holds; the names of its columns are all that is known of them."""
    values = table.drop(columns="case")
    text = f"{count(values.shape[1], 'feature')} of {count(len(table), 'case')}, given in "
    missing = int(values.isna().sum().sum())
    lacking = f" {count(missing, 'value')} {'is' if missing == 1 else 'are'} missing there."
    return Paragraph(f"{text}`{literal(name)}`.{lacking if missing else ''}")


def failed(status: pd.DataFrame) -> str:
    """Which cases have a region that could not be measured, and why."""
    if status.empty:
        return ""
    bad = status[(status["variant"] == "roi") & (status["status"].astype(str) != "ok")]
    reasons = [
        f"{literal(reason)} ({', '.join(f'`{literal(c)}`' for c in rows['case'])})"
        if len(rows) <= NAMED
        else f"{literal(reason)} ({count(len(rows), 'case')})"
        for reason, rows in bad.groupby("status", sort=False)
    ]
    return f" Not measurable: {'; '.join(reasons)}." if reasons else ""


def _feature_blocks(table: pd.DataFrame, status: pd.DataFrame) -> list[Block]:
    names = pd.Series([c for c in table.columns if str(c).count("__") == 3], dtype=object)
    parts = names.str.split("__", expand=True)
    text = f"{count(len(names), 'handcrafted feature')} of {count(len(table), 'case')}."
    missing = int(table[list(names)].isna().sum().sum())
    text += f" {count(missing, 'value')} could not be measured." if missing else ""
    text += failed(status)
    if names.empty:
        return [Paragraph(text)]
    counted = pd.crosstab(parts[2], [parts[0]])
    rows = [
        (str(kind), *(str(n) for n in line), str(sum(line)))
        for kind, line in zip(counted.index, counted.to_numpy().tolist(), strict=True)
    ]
    kinds = ", ".join(f"`{x}`" for x in sorted(parts[1].unique()))
    return [
        Paragraph(f"{text} Image types: {kinds}."),
        Table(
            ("class", *(str(c) for c in counted.columns), "all"),
            tuple(rows),
            "**Handcrafted features** by class and image.",
        ),
    ]


def _setting_tables(settings: pd.DataFrame) -> list[Block]:
    """The settings of each modality with their reasons, if there is anything to say of them."""
    said = settings[settings["reason"] != "not asked for"] if len(settings) else settings
    if said.empty:
        return []
    rows = [
        (str(r.modality), str(r.setting).replace("_", " "), str(r.value), str(r.reason))
        for r in said.itertuples()
    ]
    return [
        Table(
            ("modality", "setting", "value", "reason"),
            tuple(rows),
            "**Settings of the handcrafted features.** The sources of the reasons are in "
            "`feature_settings.tsv`.",
        )
    ]


_WARNINGS = {
    "few_bins": "fewer than 8 grey levels",
    "many_bins": "more than 256 grey levels",
    "few_voxels": "fewer than 64 voxels",
    "constant": "constant image",
}


def _warning_blocks(warnings: pd.DataFrame, cases: int) -> list[Block]:
    """How many cases have settings that collapse, and where."""
    if warnings.empty:
        return []
    touched = warnings["case"].nunique()
    text = (
        f"In {touched} of {count(cases, 'case')} some features were measured with settings that "
        "collapse: textures of very few or very many grey levels, of few voxels or of a constant "
        "image have values but little meaning."
    )
    keys = ["warning", "modality", "region", "image_type"]
    rows = []
    for (warning, modality, region), part in warnings.groupby(keys[:3], sort=False):
        kinds = ", ".join(dict.fromkeys(part["image_type"].astype(str)))
        number = str(part["case"].nunique())
        rows.append((_WARNINGS[str(warning)], str(modality), str(region), kinds, number))
    return [
        Callout("warning", text),
        Table(
            ("warning", "modality", "region", "image types", "cases"),
            tuple(rows),
            "**Settings that collapse.** Every case is in `feature_warnings.tsv`.",
        ),
    ]


def describe_handcrafted(settings: Handcrafted) -> str:
    """What the handcrafted features are, for the methods text."""
    kinds = listing([_image_type(kind, settings) for kind in settings.image_types])
    text = (
        f"Handcrafted features came from pyradiomics [@griethuysen2017] on {kinds} images with "
        f"{_binning(settings)}; names and definitions follow IBSI where pyradiomics does "
        "[@zwanenburg2020]."
    )
    if settings.dimension != "3d":
        text += f" Texture was counted in {settings.dimension.upper()}."
    regions = [_region(name, settings) for name in settings.regions]
    if regions != ["the whole mask"]:
        text += f" Regions were {listing(regions)}."
    if settings.preset:
        used = listing([f"`{name}` for `{m}`" for m, name in settings.preset.items()])
        text += f" Presets were {used}."
    return text


def _image_type(kind: str, settings: Handcrafted) -> str:
    if kind == "log":
        sigmas = ", ".join(f"{sigma:g}" for sigma in settings.log_sigma_mm)
        return f"Laplacian of Gaussian (sigma {sigmas} mm)"
    names = {"lbp2d": "local binary pattern (2-D)", "lbp3d": "local binary pattern (3-D)"}
    return names.get(kind, kind.replace("_", " "))


def _binning(settings: Handcrafted) -> str:
    width, number = settings.bin_width, settings.bin_count
    parts = []
    if isinstance(width, Mapping):
        parts += [f"bins of width {_listed(w)} (`{m}`)" for m, w in width.items() if w is not None]
    elif width is not None:
        parts.append(f"bins of width {_listed(width)}")
    if number is not None and (width is None or isinstance(width, Mapping | list)):
        elsewhere = " elsewhere" if isinstance(width, Mapping) else ""
        parts.append(f"{_listed(number)} bins{elsewhere}")
    return listing(parts)


def _listed(values: float | Sequence[float]) -> str:
    return ", ".join(f"{v:g}" for v in (values if isinstance(values, Sequence) else [values]))


def _region(name: str, settings: Handcrafted) -> str:
    words = {
        "whole": "the whole mask",
        "core": f"its core (deeper than {settings.rim_mm:g} mm)",
        "rim": f"its rim (up to {settings.rim_mm:g} mm deep)",
        "ring": f"a ring around it (up to {settings.ring_mm:g} mm)",
        "largest": "its largest connected part",
        "each_label": "each label",
    }
    return words[name]


def _selection_tables(context: Context, selection: pd.DataFrame, top: int = 6) -> list[Block]:
    blocks: list[Block] = []
    used = selection[selection["weight"].astype(float) != 0]
    alone = {baseline.name for baseline in context.baselines}
    for model in [m.name for m in context.study.models if (used["model"] == m.name).any()]:
        part = used[(used["model"] == model) & (used["fold"] != FINAL)]
        if model in alone and part["feature"].nunique() < 2:
            continue  # a baseline made of one column has nothing to choose
        folds = len(context.study.splits.outer)
        weights = part.groupby("feature")["weight"].agg(["count", "mean"])
        weights["size"] = weights["mean"].abs()
        weights = weights.sort_values(["count", "size"], ascending=False, kind="stable")[:top]
        rows = [
            (str(name), f"{int(row['count'])} of {folds}", significant(row["mean"]))
            for name, row in weights.iterrows()
        ]
        if rows:
            blocks.append(
                Table(
                    ("feature", "folds", "mean weight"),
                    tuple(rows),
                    f"**Features used most often by** `{model}`: number of folds in which the "
                    "feature has weight, and its mean coefficient or importance there.",
                    "A feature chosen in few folds is a chance finding until shown otherwise.",
                )
            )
    return blocks
