"""What every chapter of a report is written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from radpipe.config import Model, Study
from radpipe.reporting.captions import CAPTIONS
from radpipe.reporting.document import Figure, literal
from radpipe.reporting.figures import Entry, read_index
from radpipe.reporting.figures.style import role_of
from radpipe.reporting.inputs import TABLES, ReportInputs
from radpipe.reporting.tidy import cohorts_of
from radpipe.types import DEVELOPMENT


@dataclass(frozen=True)
class Context:
    """A study, its tables (empty when not made), figures, plans of segmenters, looks of models."""

    study: Study
    inputs: ReportInputs
    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    entries: tuple[Entry, ...] = ()
    plans: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    looks: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def table(self, name: str) -> pd.DataFrame:
        """A table by name, without rows when the study does not make it."""
        return self.tables[name]

    def figures(self, kind: str) -> list[Figure]:
        """The figures of one kind, with their captions."""
        folder = self.inputs.figures
        if folder is None:
            return []
        return [
            Figure(
                svg=folder / f"{entry.name}.svg",
                png=folder / f"{entry.name}.png",
                caption=CAPTIONS[kind].text.replace("{subject}", literal(entry.subject)),
                alt=CAPTIONS[kind].alt.replace("{subject}", entry.subject),
            )
            for entry in self.entries
            if entry.kind == kind
        ]

    @property
    def cohorts(self) -> list[str]:
        """The cohorts of the case table, development first."""
        cases = self.table("cases")
        return cohorts_of(cases) if len(cases) else []

    @property
    def external(self) -> list[str]:
        """All cohorts but development."""
        return [cohort for cohort in self.cohorts if cohort != DEVELOPMENT]

    @property
    def primary(self) -> Model | None:
        """The model named before the study, or by default the last one listed."""
        name = self.study.primary
        return None if name is None else self.study.model(name)

    @property
    def baselines(self) -> list[Model]:
        """The trivial models that any other has to beat: volume, clinical data, site alone."""
        return [m for m in self.study.models if role_of(m) != "model"]


def make_context(study: Study, inputs: ReportInputs) -> Context:
    """Read all tables and the index of figures once."""
    names = ("cases", "exclusions", "splits", *TABLES)
    return Context(
        study=study,
        inputs=inputs,
        tables={name: inputs.load(name) for name in names},
        plans=inputs.load_plans(),
        looks=inputs.load_looks(),
        entries=() if inputs.figures is None else tuple(read_index(inputs.figures)),
    )
