"""Take the features of the usable cases from a given table."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.features.given_table import given_controls, given_dictionary, read_given
    from radpipe.io.tables import read_table, write_table

    given = snakemake.input.table
    cases = read_table(snakemake.input.cases)
    features = read_given(given, list(cases["case"]), snakemake.params.volume)
    write_table(features, snakemake.output.features)
    write_table(given_dictionary(list(features.columns[1:]), given), snakemake.output.dictionary)
    write_table(given_controls(features), snakemake.output.controls)
