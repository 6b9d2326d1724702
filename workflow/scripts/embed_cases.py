"""Turn the cases of one fold into embeddings."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import read_encoder
    from radpipe.features.encoders import embed, load_encoder
    from radpipe.io.layout import case_files
    from radpipe.io.tables import write_table
    from radpipe.modelling.encoding import read_sources

    params = snakemake.params
    settings = read_encoder(params.encoder)
    sources = read_sources(params.context)
    network = load_encoder(snakemake.input.weights, params.modalities, settings, sources)
    files = case_files(
        params.cases, params.modalities, prepared=params.prepared, masks=params.masks
    )
    table = embed(network, files, settings, threads=snakemake.threads)
    write_table(table, snakemake.output.table)
