"""Join the scores of all models with the outcomes, which no scoring rule has read."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from radpipe.config import Outcome
    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.predictions import collect_predictions

    paths = [*snakemake.input.scores, *snakemake.input.external]
    scores = pd.concat(map(read_table, paths), ignore_index=True)
    outcome = Outcome.model_validate(snakemake.params.outcome)
    table = collect_predictions(scores, read_table(snakemake.input.cases), outcome)
    write_table(table, snakemake.output.table)
