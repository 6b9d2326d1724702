"""Collect which features each model chose in each fold, and their weights."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.files import read_json
    from radpipe.io.tables import write_table
    from radpipe.modelling.fitting import selection_table

    cards = map(read_json, snakemake.input.cards)
    chosen = zip(snakemake.params.pairs, cards, strict=True)
    write_table(
        selection_table({tuple(pair): card for pair, card in chosen}), snakemake.output.table
    )
