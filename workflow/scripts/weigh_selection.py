"""Tell how much the features that a model selects depend on the fold."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.evaluation.selection_stability import candidates_of, stability_table
    from radpipe.io.files import read_json
    from radpipe.io.tables import read_table, write_table

    params = snakemake.params
    cards = dict(zip(params.models, map(read_json, snakemake.input.cards), strict=True))
    table = stability_table(
        read_table(snakemake.input.selection),
        candidates_of(cards, params.encoders),
        params.folds,
        confidence=params.confidence,
    )
    write_table(table, snakemake.output.table)
