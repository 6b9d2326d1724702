"""Join the scores of all models with the outcomes, which no scoring rule has read."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Outcome
    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.predictions import collect_predictions

    table = collect_predictions(
        map(read_table, [*snakemake.input.scores, *snakemake.input.external]),
        read_table(snakemake.input.cases),
        Outcome.model_validate(snakemake.params.outcome),
    )
    write_table(table, snakemake.output.table)
