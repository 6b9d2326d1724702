"""Score every development case with the fold model that never saw it; no outcome is read."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    import pandas as pd

    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.bundles import read_model
    from radpipe.modelling.scoring import Sources, score_fold
    from radpipe.modelling.splits import part_of

    params, splits = snakemake.params, read_table(snakemake.input.splits)
    sources = Sources(**params.sources)
    scores = [
        score_fold(
            read_model(Path(params.models) / fold), part_of(splits, fold, "test"), fold, sources
        )
        for fold in params.folds
    ]
    write_table(pd.concat(scores, ignore_index=True), snakemake.output.scores)
