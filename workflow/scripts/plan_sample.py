"""Ask whether the cohort is large enough for what is fitted on it."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.evaluation.sample_size import sample_size_table
    from radpipe.io.files import read_json
    from radpipe.io.tables import write_table

    cards = [read_json(path) for path in snakemake.input.cards]
    write_table(sample_size_table(cards, snakemake.params.expected_r2), snakemake.output.table)
