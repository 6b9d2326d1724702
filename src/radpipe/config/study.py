"""The whole config of a study: its sections, and what must hold between them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from radpipe.config.base import REFERENCE, Name, Section
from radpipe.config.encoders import Encoder
from radpipe.config.messages import nearest
from radpipe.config.modelling import Model
from radpipe.config.outcome import Outcome
from radpipe.config.sections import (
    BiasCorrection,
    Evaluation,
    Features,
    Images,
    Normalisation,
    Registration,
    Report,
    Resampling,
    Splits,
)
from radpipe.config.segmentation import Classical, Segmentation, Segmenter


class Study(Section):
    """One config file: everything a study needs beside its images."""

    study: Name = Field(description="name; results go to results/<study>, reports/<study>")
    seed: int = Field(2026, ge=0, description="every random choice starts here")
    cases: Path = Field(description="the case sheet, relative to the working directory")
    on_bad_case: Literal["exclude", "stop"] = Field(
        "exclude", description="set an unusable case aside with the reason, or stop"
    )
    outcome: Outcome | None = Field(None, description="null: the study ends after segmentation")
    images: Images
    registration: Registration = Registration()
    bias_correction: BiasCorrection = BiasCorrection()
    normalisation: Normalisation = Normalisation()
    resampling: Resampling = Resampling()
    segmentation: Segmentation = Segmentation()
    features: Features = Features()
    splits: Splits = Splits()
    models: list[Model] = Field([], description="what is fitted and compared; empty: no models")
    evaluation: Evaluation = Evaluation()
    report: Report = Report()

    @model_validator(mode="before")
    @classmethod
    def _baselines_always_run(cls, data: Any) -> Any:
        """Volume alone and clinical data alone stand beside every other model."""
        if not isinstance(data, Mapping) or not data.get("models"):
            return data
        features = dict(data.get("features") or {})
        features.setdefault("handcrafted", {})
        wanted = ["volume", "clinical"] if features.get("clinical") else ["volume"]
        listed = [m.get("blocks") for m in data["models"] if isinstance(m, Mapping)]
        added = [
            {"name": block, "blocks": [block], "predictor": "logistic"}
            for block in wanted
            if [block] not in listed
        ]
        return {**data, "features": features, "models": [*added, *data["models"]]}

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        _check_unique("segmenter", [s.name for s in self.segmentation.segmenters])
        _check_unique("encoder", [e.name for e in self.features.encoders])
        _check_unique("model", [m.name for m in self.models])
        if REFERENCE in (s.name for s in self.segmentation.segmenters):
            raise ValueError(f"'{REFERENCE}' means the drawn masks; name the segmenter otherwise")
        sources = [REFERENCE, *(s.name for s in self.segmentation.segmenters)]
        _check_known("segmentation.mask_source", [self.segmentation.mask_source], sources)
        modalities = self.images.modalities
        _check_known("bias_correction.modalities", self.bias_correction.modalities, modalities)
        _check_known("normalisation.overrides", list(self.normalisation.overrides), modalities)
        for segmenter in self.segmentation.segmenters:
            if isinstance(segmenter, Classical) and segmenter.modality is not None:
                where = f"modality of segmenter '{segmenter.name}'"
                _check_known(where, [segmenter.modality], modalities)
        for model in self.models:
            _check_known(f"blocks of model '{model.name}'", model.blocks, self.blocks)
        if self.evaluation.primary:
            names = [m.name for m in self.models]
            _check_known("evaluation.primary", [self.evaluation.primary], names)
        if self.models and self.outcome is None:
            raise ValueError("models are listed but no outcome is named")
        return self

    @property
    def blocks(self) -> list[str]:
        """The blocks that this study can offer to a model."""
        offered = ["images"]
        offered += ["clinical"] if self.features.clinical else []
        offered += ["volume", "handcrafted"] if self.features.handcrafted else []
        return offered + [e.name for e in self.features.encoders]

    @property
    def primary(self) -> str | None:
        """The model the study is about: named, or the last one listed."""
        return self.evaluation.primary or (self.models[-1].name if self.models else None)

    @property
    def measures_features(self) -> bool:
        """Whether the region of a case is measured."""
        return self.features.handcrafted is not None

    @property
    def check_settings(self) -> dict[str, Any]:
        """What decides whether a case can be used."""
        return {
            "on_bad_case": self.on_bad_case,
            "outcome": self.outcome and self.outcome.model_dump(mode="json"),
            "images": self.images.model_dump(mode="json"),
            "spacing_mm": self.resampling.spacing_mm,
            "segmenters": bool(self.segmentation.segmenters),
            "blocks": sorted({b for m in self.models for b in m.blocks}),
            "mask_source": self.segmentation.mask_source,
            "labels": self.segmentation.labels,
            "clinical": self.features.clinical,
            "folds": [self.splits.folds, self.splits.inner_folds],
        }

    def segmenter(self, name: str) -> Segmenter:
        """The segmenter of that name."""
        return next(s for s in self.segmentation.segmenters if s.name == name)

    def encoder(self, name: str) -> Encoder:
        """The encoder of that name."""
        return next(e for e in self.features.encoders if e.name == name)

    def model(self, name: str) -> Model:
        """The model of that name."""
        return next(m for m in self.models if m.name == name)


def _check_unique(what: str, names: list[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"{what} '{twice[0]}' is listed twice; each needs its own name")


def _check_known(where: str, names: list[str], known: list[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{where}: '{name}' is unknown{nearest(name, known)}")
