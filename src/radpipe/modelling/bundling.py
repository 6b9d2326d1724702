"""What a bundle says of a model beside its files: the cohort it was trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from radpipe.modelling.applying_summary import Summary, training_summary
from radpipe.modelling.bundles import read_model, write_bundle
from radpipe.modelling.fitting import FittedModel
from radpipe.modelling.fusion import read_fusion
from radpipe.modelling.scoring import Sources
from radpipe.types import FINAL


def summary_of(
    folder: str | Path,
    sources: Sources,
    clinical: pd.DataFrame,
    features: pd.DataFrame | None,
    columns: Sequence[str],
) -> Summary:
    """The training cohort of a model as `training_summary` tells it.

    Args:
        folder: of the fitted model.
        sources: where its blocks are read from.
        clinical: `case, site` and the clinical columns of all cases.
        features: the table of features; None: there is none.
        columns: the clinical columns.
    """
    fitted, seen = read_model(folder), None
    if isinstance(fitted, FittedModel):
        seen = sources.blocks(fitted.card["blocks"], FINAL).table[list(fitted.columns)]
    return training_summary(fitted.card, clinical, features, seen, columns)


def bundle_fusion(
    models: str | Path,
    path: str | Path,
    context: Mapping[str, Any],
    members: Mapping[str, tuple[Mapping[str, Any], Sources]],
    tables: tuple[pd.DataFrame, pd.DataFrame | None],
    parts: Mapping[str, str | Path],
) -> str:
    """Put a fusion, the models it joins and what they build on into one zip file.

    Args:
        models: folder with one folder a model, in it `final/` of each.
        path: the zip file.
        context: `study`, `model` (the settings of the fusion) and `versions`.
        members: by model, its settings and where its blocks are read from.
        tables: `cohort/clinical.tsv` and the table of features, if there is one.
        parts: as `bundles.write_bundle` takes them.

    Returns:
        SHA-256 of the bundle.
    """
    own = Path(models) / str(context["model"]["name"]) / FINAL
    columns = context["study"]["features"]["clinical"]
    joined = {
        name: {
            "model": settings,
            "summary": summary_of(Path(models) / name / FINAL, sources, *tables, columns),
        }
        for name, (settings, sources) in members.items()
    }
    summary = training_summary(read_fusion(own).card, *tables, None, columns)
    context = {**context, "summary": summary, "members": joined}
    folders = {name: Path(models) / name / FINAL for name in members}
    return write_bundle(own, path, context, parts, folders)
