"""Score every development case with the fold model that never saw it; no outcome is read."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.scoring import Sources, score_folds

    params = snakemake.params
    scores = score_folds(
        params.models, read_table(snakemake.input.splits), params.folds, Sources(**params.sources)
    )
    write_table(scores, snakemake.output.scores)
