"""What each model of a study is made of, as the choices that could have been made otherwise."""

from radpipe.config import Model, Study

SEARCHED = "searched"
"""Of a step that a model searches in its inner folds (predictor: auto)."""


def choices_of(study: Study) -> dict[str, dict[str, tuple[str, ...]]]:
    """By choice and model, what was chosen; several entries where a model has several.

    Choices: `sees` (blocks; of a fusion those of its members), `predictor`, `selection`,
    `harmonisation`, `balancing`, `imputation`, `scaling`. What a network or a fusion has no choice
    of is left out.
    """
    table: dict[str, dict[str, tuple[str, ...]]] = {}
    for model in study.models:
        chosen = {"sees": _sees(study, model), "predictor": (model.predictor,)}
        if not (model.is_network or model.is_fusion):
            chosen |= _steps(model)
        for choice, levels in chosen.items():
            table.setdefault(choice, {})[model.name] = levels
    return table


def varied(study: Study, models: list[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """The choices that some of these models made differently."""
    kept = {}
    for choice, by_model in choices_of(study).items():
        own = {name: by_model[name] for name in models if name in by_model}
        if len(set(own.values())) > 1:
            kept[choice] = own
    return kept


def _sees(study: Study, model: Model) -> tuple[str, ...]:
    """The blocks of a model; of a fusion those of its members, in the order of the config."""
    if not model.is_fusion:
        return tuple(model.blocks)
    blocks = [block for name in model.of for block in _sees(study, study.model(name))]
    return tuple(dict.fromkeys(blocks))


def _steps(model: Model) -> dict[str, tuple[str, ...]]:
    """The steps before a tabular predictor."""
    balancing = [str(model.class_weight)] if model.class_weight else []
    balancing += ["oversampling"] if model.oversampling else []
    batch = model.harmonisation
    steps = {
        "selection": (model.selection.method,),
        "harmonisation": (batch.method if batch else "none",),
        "balancing": tuple(balancing or ["none"]),
        "imputation": (model.imputation.method,),
        "scaling": (model.scaling,),
    }
    if model.predictor == "auto":
        searched = ["selection", "imputation", "scaling", *(["harmonisation"] if batch else [])]
        steps |= dict.fromkeys(searched, (SEARCHED,))
    return steps
