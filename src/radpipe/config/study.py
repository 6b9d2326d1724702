"""The whole config of a study: its sections, and what must hold between them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from radpipe.config.base import IMAGES, REFERENCE, SITE, Name, Section
from radpipe.config.encoders import Bottleneck, Encoder, Supervised
from radpipe.config.images import Images
from radpipe.config.messages import nearest
from radpipe.config.modelling import FAMILIES, KINDS, Model
from radpipe.config.outcome import Outcome
from radpipe.config.presets import preset_settings
from radpipe.config.sections import (
    BiasCorrection,
    Evaluation,
    Features,
    Normalisation,
    Registration,
    Report,
    Resampling,
    Splits,
)
from radpipe.config.segmentation import Classical, Network, Segmentation, Segmenter

BASELINES = (["volume"], ["clinical"], [SITE])
"""What the trivial models see that every other has to beat."""


class Study(Section):
    """One config file: everything a study needs beside its images."""

    study: Name = Field(description="name; results go to results/<study>, reports/<study>")
    seed: int = Field(2026, ge=0, description="every random choice starts here")
    cases: Path = Field(description="the case sheet, relative to the working directory")
    on_bad_case: Literal["exclude", "stop"] = Field(
        "exclude", description="set an unusable case aside with the reason, or stop"
    )
    outcome: Outcome | None = Field(None, description="null: the study ends after segmentation")
    images: Images = Images()
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
        """Volume alone and clinical data alone stand beside every other model.

        Sites alone are added where there are several, which only the sheet can tell: `with_sites`.
        A family of predictors becomes the predictor that it means for this kind of outcome.
        """
        if not isinstance(data, Mapping) or not data.get("models"):
            return data
        features = dict(data.get("features") or {})
        if not features.get("table"):
            features.setdefault("handcrafted", {})
        measured = features.get("handcrafted") is not None or features.get("volume")
        wanted = ["volume"] if measured else []
        wanted += ["clinical"] if features.get("clinical") else []
        listed = [m.get("blocks") for m in data["models"] if isinstance(m, Mapping)]
        added = [
            {"name": block, "blocks": [block], "predictor": "linear"}
            for block in wanted
            if [block] not in listed
        ]
        models = [_concrete(model, data.get("outcome")) for model in [*added, *data["models"]]]
        return {**data, "features": features, "models": models}

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
                _check_known(where, [segmenter.modality], self.images.prepared)
        for model in self.models:
            _check_known(f"blocks of model '{model.name}'", model.blocks, self.blocks)
            single = [m.name for m in self.models if not m.is_fusion]
            _check_known(f"models fused by '{model.name}'", model.of, single)
            where = f"modalities of model '{model.name}'"
            _check_known(where, model.modalities, self.images.prepared)
            _check_unique(f"{where}:", model.modalities)
        if self.evaluation.primary:
            names = [m.name for m in self.models]
            _check_known("evaluation.primary", [self.evaluation.primary], names)
        if self.models and self.outcome is None:
            raise ValueError("models are listed but no outcome is named")
        return self

    @model_validator(mode="after")
    def _predictors_fit_the_outcome(self) -> Self:
        for model in self.models:
            kinds = KINDS.get(model.predictor)
            if self.outcome is None or kinds is None or self.outcome.kind in kinds:
                continue
            raise ValueError(
                f"model '{model.name}': {model.predictor} is for {' or '.join(kinds)} outcomes, "
                f"and this one is {self.outcome.kind}; linear and forest are for all"
            )
        return self

    @model_validator(mode="after")
    def _balanced_are_classes(self) -> Self:
        kind = "" if self.outcome is None else self.outcome.kind
        for model in self.models:
            if kind in ("regression", "survival") and (model.class_weight or model.oversampling):
                key = "class_weight" if model.class_weight else "oversampling"
                raise ValueError(
                    f"model '{model.name}': {key} needs classes; the outcome is {kind}"
                )
        return self

    @model_validator(mode="after")
    def _outcome_is_no_input(self) -> Self:
        """The label of a case must not reach its features, not by ComBat either (G06)."""
        hidden = self.outcome.columns if self.outcome else []
        uses = {"features.clinical": list(self.features.clinical)}
        for model in self.models:
            if model.harmonisation is not None:
                where = f"harmonisation of model '{model.name}'"
                uses[where] = [model.harmonisation.batch, *model.harmonisation.covariates]
        for where, columns in uses.items():
            for column in columns:
                if column in hidden:
                    raise ValueError(f"{where}: '{column}' holds the outcome, which is to predict")
        return self

    @model_validator(mode="after")
    def _features_fit_the_images(self) -> Self:
        handcrafted, where = self.features.handcrafted, "features.handcrafted"
        if handcrafted is None:
            if self.features.stability.enabled:
                raise ValueError("features.stability is asked for, but features.handcrafted is off")
            return self
        for key in ("preset", "resegmentation", "outliers_sd", "rounding", "ring_values"):
            named = list(getattr(handcrafted, key))
            _check_known(f"{where}.{key}", named, self.images.prepared)
        raw = self.images.modalities
        for modality, preset in handcrafted.preset.items():
            if (preset == "fused") == (modality in raw):
                is_one = "is no" if modality in raw else "has no unit of its own, as a"
                raise ValueError(f"{where}.preset: {modality} {is_one} fused image; found {preset}")
            wanted = preset_settings(preset)["normalisation"].value
            if wanted == "none" and self.normalisation.method_of(modality) != "none":
                raise ValueError(
                    f"{where}.preset {preset} of {modality} needs intensities in their own unit: "
                    f"write normalisation.overrides: {{{modality}: none}}"
                )
        return self

    @model_validator(mode="after")
    def _stability_is_measured(self) -> Self:
        asking = [m.name for m in self.models if m.selection.stability is not None]
        if asking and not self.measures_stability:
            raise ValueError(
                f"model '{asking[0]}': selection.stability needs features measured twice; set "
                "features.stability.perturbations or features.stability.retest"
            )
        return self

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if self.images.modalities:
            return self
        if self.features.table is None:
            raise ValueError("images.modalities is empty and features.table names no table")
        for what in ("segmentation.segmenters", "features.encoders"):
            section, key = what.split(".")
            if getattr(getattr(self, section), key):
                raise ValueError(f"{what} need images, and images.modalities is empty")
        return self

    @model_validator(mode="after")
    def _encoders_have_their_sources(self) -> Self:
        networks = [s.name for s in self.segmentation.segmenters if isinstance(s, Network)]
        for encoder in self.features.encoders:
            where = f"segmenter of encoder '{encoder.name}'"
            if isinstance(encoder, Bottleneck):
                _check_known(where, [encoder.segmenter], networks)
            if isinstance(encoder, Supervised) and self.outcome is None:
                raise ValueError(
                    f"encoder '{encoder.name}' of kind {encoder.kind} learns from the outcome, but "
                    "no outcome is named"
                )
        return self

    @property
    def blocks(self) -> list[str]:
        """The blocks that this study can offer to a model."""
        features = self.features
        offered = [IMAGES] if self.images.modalities else []
        offered += ["clinical"] if features.clinical else []
        offered += ["volume"] if features.handcrafted or features.volume else []
        offered += ["handcrafted"] if features.handcrafted or features.table else []
        offered += [SITE]
        return offered + [e.name for e in self.features.encoders]

    @property
    def zero_background(self) -> list[str]:
        """The modalities whose prepared images have a background of exact zeros."""
        scaled = self.normalisation.method_of
        return [m for m in self.images.modalities if scaled(m) != "none"]

    @property
    def primary(self) -> str | None:
        """The model the study is about: named, or the last one listed."""
        return self.evaluation.primary or (self.models[-1].name if self.models else None)

    @property
    def measures_features(self) -> bool:
        """Whether the region of a case is measured."""
        return self.features.handcrafted is not None

    @property
    def has_features(self) -> bool:
        """Whether there is a table of features, measured or given."""
        return self.measures_features or self.features.table is not None

    @property
    def measures_stability(self) -> bool:
        """Whether features are measured a second time."""
        return self.measures_features and self.features.stability.enabled

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
            "clinical": self.read_columns,
            "folds": [self.splits.folds, self.splits.inner_folds],
        }

    @property
    def read_columns(self) -> list[str]:
        """The columns of the sheet that a model may read: clinical ones, and what ComBat needs."""
        beside = [h for m in self.models if (h := m.harmonisation) is not None]
        carried = [c for h in beside for c in (h.batch, *h.covariates)]
        return list(dict.fromkeys([*self.features.clinical, *carried]))

    def with_sites(self, sites: Sequence[str]) -> "Study":
        """The same study with the site alone as a baseline, where it has models and several sites.

        What site alone can tell of the outcome, a model may have learned from the traces of the
        scanner; it stands after the other baselines, and before the models of the user.

        Args:
            sites: of the development cohort, as the sheet names them.
        """
        if not self.models or len(sites) < 2 or [SITE] in [m.blocks for m in self.models]:
            return self
        names = {m.name for m in self.models}
        content = {
            "name": SITE if SITE not in names else f"{SITE}_alone",
            "blocks": [SITE],
            "predictor": "linear",
        }
        outcome = self.outcome and self.outcome.model_dump()
        own = Model.model_validate(_concrete(content, outcome))
        first = [m.blocks in BASELINES for m in self.models]
        place = first.index(False) if False in first else 0
        return self.model_copy(update={"models": [*self.models[:place], own, *self.models[place:]]})

    def segmenter(self, name: str) -> Segmenter:
        """The segmenter of that name."""
        return next(s for s in self.segmentation.segmenters if s.name == name)

    def encoder(self, name: str) -> Encoder:
        """The encoder of that name."""
        return next(e for e in self.features.encoders if e.name == name)

    def model(self, name: str) -> Model:
        """The model of that name."""
        return next(m for m in self.models if m.name == name)


def _concrete(model: Any, outcome: Any) -> Any:
    """The model with the predictor that a family means for this kind of outcome."""
    kind = str(outcome.get("kind", "binary")) if isinstance(outcome, Mapping) else "binary"
    family = FAMILIES.get(str(model.get("predictor"))) if isinstance(model, Mapping) else None
    return {**model, "predictor": family[kind]} if family and kind in family else model


def _check_unique(what: str, names: list[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"{what} '{twice[0]}' is listed twice; each needs its own name")


def _check_known(where: str, names: list[str], known: list[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{where}: '{name}' is unknown{nearest(name, known)}")
