"""What is predicted."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from radpipe.config.base import Section

OutcomeKind = Literal["binary", "multiclass", "regression", "survival"]

OWN_KEYS: dict[str, tuple[OutcomeKind, ...]] = {
    "positive": ("binary",),
    "classes": ("multiclass",),
    "time": ("survival",),
    "event": ("survival",),
    "event_value": ("survival",),
    "horizon": ("survival",),
}
"""Keys that only some kinds of outcome have."""


class Outcome(Section):
    """What is predicted."""

    column: str = Field(
        description="column of the case sheet that holds the outcome; survival: that of the event"
    )
    kind: OutcomeKind = Field("binary", description="kind of the outcome")
    positive: str | int = Field(
        1, description="binary: the value of the column that counts as positive"
    )
    classes: list[str | int] | None = Field(
        None, min_length=2, description="multiclass: the classes in order; null: the values, sorted"
    )
    time: str | None = Field(None, description="survival: column of the follow-up times")
    event: str | None = Field(None, description="survival: column that tells events from censoring")
    event_value: str | int = Field(1, description="survival: the value of `event` at an event")
    horizon: float | None = Field(
        None,
        gt=0,
        description="survival: time, in the unit of `time`, by which the probability of the event "
        "is predicted and judged; null: the median follow-up of the development cohort",
    )

    @model_validator(mode="before")
    @classmethod
    def _event_is_the_column(cls, data: Any) -> Any:
        """A survival outcome names `time` and `event`; `column` is another name for the latter."""
        if not isinstance(data, Mapping) or data.get("kind") != "survival":
            return data
        absent = [key for key in ("time", "event") if not data.get(key)]
        if absent:
            raise ValueError(f"a survival outcome needs the column of '{absent[0]}'")
        return {"column": data["event"], **data}

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> Self:
        for key, kinds in OWN_KEYS.items():
            changed = getattr(self, key) != type(self).model_fields[key].default
            if self.kind not in kinds and changed:
                raise ValueError(f"'{key}' belongs to a {kinds[0]} outcome; this one: {self.kind}")
        if self.kind == "survival" and self.column != self.event:
            raise ValueError(f"'column' and 'event' differ: '{self.column}', '{self.event}'")
        if self.kind == "survival" and self.time == self.event:
            raise ValueError("'time' and 'event' are the same column")
        spelled = [str(c) for c in self.classes or []]
        if len(set(spelled)) < len(spelled):
            raise ValueError(f"a class is listed twice in {spelled}")
        return self

    @property
    def columns(self) -> list[str]:
        """All columns of the case sheet that hold the outcome; no feature may be one of them."""
        return [self.time, self.column] if self.time else [self.column]
