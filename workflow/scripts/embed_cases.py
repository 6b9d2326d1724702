"""Turn the cases of one fold into embeddings."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Encoder
    from radpipe.features.encoders import build_encoder, embed
    from radpipe.io.layout import case_files
    from radpipe.io.tables import write_table
    from radpipe.networks.weights import load_weights

    params = snakemake.params
    settings = Encoder.model_validate(params.encoder)
    network = build_encoder(params.modalities, settings)
    load_weights(network, snakemake.input.weights)
    files = case_files(
        params.cases, params.modalities, prepared=params.prepared, masks=params.masks
    )
    table = embed(network, files, params.modalities, settings, threads=snakemake.threads)
    write_table(table, snakemake.output.table)
