"""Explain the final fit of one tabular model on its training cases."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.explanation.models import explain_model, typical_cases
    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.bundles import read_model
    from radpipe.modelling.scoring import Sources
    from radpipe.types import FINAL

    params = snakemake.params
    fitted = read_model(Path(snakemake.input.model[0]).parent)
    X = Sources(**params.sources).blocks(fitted.card["blocks"], FINAL)
    shown = typical_cases(
        read_table(snakemake.input.predictions), snakemake.wildcards.model, params.shown
    )
    training = X.rows(fitted.card["training_cases"]).table
    values, local = explain_model(fitted, training, shown, seed=params.seed)
    write_table(values, snakemake.output.table)
    write_table(local, snakemake.output.local)
