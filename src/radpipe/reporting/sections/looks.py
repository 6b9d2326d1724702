"""How often the external cases were looked at (guardrail G16)."""

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Callout, Paragraph, Table, literal
from radpipe.reporting.numbers import count, listing, significant
from radpipe.reporting.tidy import models_of

HASH_SHOWN = 12
"""Digits of the hash of a bundle that are printed."""


def looks_of(context: Context, model: str) -> int:
    """How many bundles of a model were scored on external cases; 0 if none is recorded."""
    looks = context.looks
    return 0 if looks.empty else int((looks["model"] == model).sum())


def scored(context: Context, models: list[str]) -> str:
    """`scored once`, or at which look; of several models that of the one looked at most often."""
    most = max((looks_of(context, model) for model in models), default=0)
    return "scored once" if most <= 1 else f"scored at look {most}"


def looks_callout(context: Context) -> Callout | None:
    """A warning that names the models whose external cases were looked at more than once."""
    again = {m.name: n for m in context.study.models if (n := looks_of(context, m.name)) > 1}
    if not again:
        return None
    named = listing([f"`{literal(model)}` {n} times" for model, n in again.items()])
    return Callout(
        "warning",
        "**The external cases were looked at more than once.** Different fits of a model were "
        f"scored on them ({named}); shown is the last one. Only a first look is an external "
        "validation: whoever changes a model after a look and scores again is fitting it to these "
        "cases [@steyerberg2016]. State the number of looks, or score new cases.",
    )


def looks(context: Context) -> list[Block]:
    """What the ledgers say, in a sentence and a table; nothing without external cases."""
    ledger = context.looks
    if ledger.empty:
        return []
    rows = []
    models = models_of(context.study, ledger)
    for model in models:
        own = ledger[ledger["model"] == model].sort_values("look")
        last = own.iloc[-1]
        sha = str(last["bundle_sha256"])[:HASH_SHOWN]
        rows.append((model, str(len(own)), significant(last["n"]), sha))
    warning = looks_callout(context)
    return [
        Paragraph(
            f"**Looks at the external cases.** {count(len(models), 'model')} "
            f"{'was' if len(models) == 1 else 'were'} scored on them, each as a frozen bundle "
            "whose hash was recorded before any outcome was read. A look is a bundle that was not "
            "scored on these cases before; the same bundle again gives the same scores and is none."
        ),
        *([warning] if warning else []),
        Table(
            ("model", "looks", "cases", "bundle of the last look"),
            tuple(rows),
            "**Looks at the external cases**, by model.",
            f"The first {HASH_SHOWN} digits of the SHA-256 of the bundle; all are in `looks.tsv`.",
            frozenset(i for i, model in enumerate(models) if model == context.study.primary),
        ),
    ]
