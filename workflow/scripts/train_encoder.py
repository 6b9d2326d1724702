"""Train one encoder on the training part of one fold."""

from radpipe.logs import job
from radpipe.slots import gpu_slot

with job(snakemake.log[0], snakemake.threads), gpu_slot():
    from radpipe.config import Encoder
    from radpipe.features.encoders import train_encoder
    from radpipe.io.layout import case_files
    from radpipe.io.tables import read_table, write_table
    from radpipe.networks.weights import save_weights
    from radpipe.segmentation.manifest import write_manifest

    params = snakemake.params
    settings = Encoder.model_validate(params.encoder)
    files = case_files(
        params.cases, params.modalities, prepared=params.prepared, masks=params.masks
    )
    network, log = train_encoder(
        files, params.modalities, settings, seed=params.seed, threads=snakemake.threads
    )
    write_table(log, snakemake.output.training)
    weights = save_weights(network, snakemake.output.weights)
    cases = read_table(snakemake.input.cases)
    cases = cases[cases["case"].isin(params.cases)]
    write_manifest(snakemake.output.manifest, weights=weights, cases=cases, settings=settings)
